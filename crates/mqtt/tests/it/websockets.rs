use std::{io::Read, io::Write, net::TcpListener, thread};

use pip_services_commons::run::{IClosable, IOpenable};
use pip_services_messaging::IMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};

use crate::{
    certificates::{Authority, broker_as},
    support::{eventually, message, next, open, queue},
};

const WS: (&str, &str) = ("connection.protocol", "ws");

#[tokio::test]
async fn messages_of_all_sizes_pass_both_ways_over_websocket() {
    let broker = TestBroker::builder(Engine::Mosquitto).websocket().start().unwrap();
    let queue = open(&broker, "orders", &[WS]).await;
    // Mosquitto 2.0.11 writes larger ones so slowly that no signs of life get through.
    for length in [1, 1_000, 100_000] {
        let text = "x".repeat(length);
        let sent = queue.send(None, message(&text)).await.map_err(|error| error.error().to_string());
        assert_eq!(sent, Ok(()), "{length} bytes");
        assert!(next(&queue).await == text, "{length} bytes came back as others");
    }
    queue.close(None).await.unwrap();
}

#[tokio::test]
async fn a_user_and_password_pass_over_websocket_and_wrong_ones_are_refused() {
    let password = "p".repeat(200);
    let builder = TestBroker::builder(Engine::Mosquitto).websocket();
    let broker = builder.user("me", &password).start().unwrap();
    let credential = [("credential.username", "me"), ("credential.password", password.as_str())];
    let right = open(&broker, "orders", &[&[WS], &credential[..]].concat()).await;
    right.send(None, message("a")).await.unwrap();
    assert_eq!(next(&right).await, "a");
    right.close(None).await.unwrap();
    let wrong = queue(&broker, "orders", &[WS, credential[0], ("credential.password", "x")]);
    let error = wrong.open(None).await.unwrap_err();
    assert_eq!(
        (error.code(), error.detail("key")),
        ("CONNECT_FAILED", Some("credential.password")),
        "{error:#}"
    );
}

#[tokio::test]
async fn a_queue_reconnects_over_encrypted_websocket_when_its_broker_is_back() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign("127.0.0.1")).websocket().start().unwrap();
    let uri = format!("wss://127.0.0.1:{}/mqtt", broker.port());
    let queue =
        open(&broker, "orders", &[("connection.uri", &uri), ("connection.ca", &authority.ca_file())]).await;
    queue.send(None, message("once")).await.unwrap();
    assert_eq!(next(&queue).await, "once");
    broker.crash().unwrap();
    broker.restart().unwrap();
    // One that was on its way when the connection broke is an error.
    eventually("a message arrives", || async { queue.send(None, message("again")).await.is_ok() }).await;
    assert_eq!(next(&queue).await, "again");
    queue.close(None).await.unwrap();
}

#[tokio::test]
async fn encrypted_websocket_refuses_a_broker_that_another_ca_signed() {
    let (authority, other) = (Authority::new(), Authority::new());
    let broker = broker_as(&other.sign("127.0.0.1")).websocket().start().unwrap();
    let config = [("connection.protocol", "wss"), ("connection.ca", &authority.ca_file())];
    let error = queue(&broker, "orders", &config).open(None).await.unwrap_err();
    assert_eq!((error.code(), error.detail("key")), ("CONNECT_FAILED", Some("connection.ca")), "{error:#}");
}

#[tokio::test]
async fn a_broker_without_websocket_is_an_error_that_names_the_protocol() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let error = queue(&broker, "orders", &[WS]).open(None).await.unwrap_err();
    assert_eq!(
        (error.code(), error.detail("key")),
        ("CONNECT_FAILED", Some("connection.protocol")),
        "{error:#}"
    );
}

/// Answers one request with an error, and tells the first line of the request.
fn refuse_one(listener: TcpListener) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
        String::from_utf8(request).unwrap()
    })
}

#[tokio::test]
async fn the_path_comes_from_the_uri_and_is_mqtt_otherwise() {
    for (given, asked) in [("", "/mqtt"), ("/", "/mqtt"), ("/a/b?c=d", "/a/b?c=d"), ("/?c=d", "/?c=d")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let request = refuse_one(listener);
        let broker = TestBroker::start(Engine::Embedded).unwrap();
        let uri = format!("ws://{address}{given}");
        let error = queue(&broker, "orders", &[("connection.uri", &uri)]).open(None).await.unwrap_err();
        assert_eq!(
            (error.code(), error.detail("key")),
            ("CONNECT_FAILED", Some("connection.uri")),
            "{error:#}"
        );
        assert!(error.message().contains("404"), "{error:#}");
        let request = request.join().unwrap();
        assert!(request.starts_with(&format!("GET {asked} HTTP/1.1\r\n")), "{request}");
        assert!(request.to_lowercase().contains(&format!("host: {address}\r\n")), "{request}");
        assert!(request.to_lowercase().contains("sec-websocket-protocol: mqtt\r\n"), "{request}");
    }
}
