use std::sync::Arc;

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    run::{IClosable, IOpenable},
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::MqttMessageQueue;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::{
    packets::{CONNACK, CONNECT, PUBACK, PUBLISH, packet, text},
    support::{SOON, message},
};

const MESSAGES: usize = 300;

/// Whether a broker acknowledges the message with that number.
fn is_acknowledged(number: usize) -> bool {
    number.is_multiple_of(3)
}

/// Takes all messages, acknowledges some of them, the newest first, and closes when it is told to.
async fn broker(mut connection: TcpStream, mut close: mpsc::Receiver<()>) {
    let mut ids = Vec::new();
    while ids.len() < MESSAGES {
        let (first, body) = packet(&mut connection).await.expect("the client is gone");
        match first >> 4 {
            CONNECT => connection.write_all(&[CONNACK << 4, 2, 0, 0]).await.unwrap(),
            PUBLISH => {
                let id = 2 + text(&body).len();
                let number: usize = std::str::from_utf8(&body[id + 2..]).unwrap().parse().unwrap();
                ids.push((number, [body[id], body[id + 1]]));
            }
            _ => {}
        }
    }
    for (number, [high, low]) in ids.into_iter().rev() {
        if is_acknowledged(number) {
            connection.write_all(&[PUBACK << 4, 2, high, low]).await.unwrap();
        }
    }
    close.recv().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_sends_end_well_whose_messages_the_broker_acknowledges_and_no_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (close, closing) = mpsc::channel(1);
    let serving = tokio::spawn(async move { broker(listener.accept().await.unwrap().0, closing).await });
    let queue = Arc::new(MqttMessageQueue::new("orders"));
    queue
        .configure(&ConfigParams::from_tuples([
            ("connection.host", "127.0.0.1"),
            ("connection.port", &port),
            ("options.qos", "1"),
            ("options.serialize_envelope", "false"),
            ("options.max_inflight", "1000"),
            ("options.retry_connect", "false"),
            ("options.keepalive_timeout", "600000"),
        ]))
        .unwrap();
    queue.open(None).await.unwrap();
    let (ended, mut ends) = mpsc::unbounded_channel();
    for number in 0..MESSAGES {
        let (queue, ended) = (queue.clone(), ended.clone());
        tokio::spawn(async move {
            let sent = queue.send(None, message(&number.to_string())).await;
            ended.send((number, sent.map_err(|failed| failed.error().code().to_owned()))).unwrap();
        });
    }
    let mut next = async || tokio::time::timeout(SOON, ends.recv()).await.expect("no send ends").unwrap();
    let mut sent = Vec::new();
    while sent.len() < (0..MESSAGES).filter(|number| is_acknowledged(*number)).count() {
        let (number, outcome) = next().await;
        assert!(is_acknowledged(number) && outcome.is_ok(), "{number}: {outcome:?}");
        sent.push(number);
    }
    close.send(()).await.unwrap();
    serving.await.unwrap();
    while sent.len() < MESSAGES {
        let (number, outcome) = next().await;
        assert!(!is_acknowledged(number), "{number}");
        assert_eq!(outcome, Err("PUBLISH_FAILED".to_owned()));
        sent.push(number);
    }
    queue.close(None).await.unwrap();
}
