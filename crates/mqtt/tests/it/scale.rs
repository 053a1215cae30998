use std::{sync::Arc, time::Duration};

use pip_services_commons::run::IClosable;
use pip_services_messaging::{IMessageQueue, IMessageQueueExt};
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    alone::{Held, alone, tell},
    support::{SOON, message, open, open_on, shared, texts_until},
};

/// How many queues share a connection, and how many have their own.
const EACH: usize = 64;

#[test]
fn many_queues_on_the_embedded_broker_have_their_own_messages_and_leave_nothing() {
    alone("scale::many_queues_on_the_embedded_broker_have_their_own_messages_and_leave_nothing", || {
        many_queues(Engine::Embedded)
    });
}

#[test]
fn many_queues_on_mosquitto_have_their_own_messages_and_leave_nothing() {
    alone("scale::many_queues_on_mosquitto_have_their_own_messages_and_leave_nothing", || {
        many_queues(Engine::Mosquitto)
    });
}

async fn many_queues(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    // What the client makes once stays.
    open(&broker, "first", &[]).await.close(None).await.unwrap();
    let before = Held::settled().await;
    for at_once in [false, true] {
        let (observed, connection) = shared(&broker).await;
        let mut queues = Vec::new();
        for number in 0..EACH {
            queues.push(open_on(&observed.references, &format!("shared/{number}")).await.unwrap());
            queues.push(open(&broker, &format!("own/{number}"), &[]).await);
        }
        each(&queues, |queue| async move {
            let name = queue.get_name();
            let sent: Vec<_> = (0..20).map(|number| format!("{name} {number}")).collect();
            queue.send_batch(None, sent.iter().map(|text| message(text))).await.unwrap();
            queue.send(None, message("end")).await.unwrap();
            assert_eq!(texts_until(&queue, "end").await, sent, "{name}");
        })
        .await;
        for queue in &queues {
            assert_eq!(queue.read_message_count().await.unwrap(), 0, "{}", queue.get_name());
        }
        let start = Instant::now();
        match at_once {
            true => each(&queues, |queue| async move { queue.close(None).await.unwrap() }).await,
            false => {
                for queue in &queues {
                    queue.close(None).await.unwrap();
                }
            }
        }
        connection.close(None).await.unwrap();
        let took = start.elapsed();
        tell(&format!("closed {} queues, at once: {at_once}, in {took:?}", queues.len()));
        // Five seconds on a machine that has nothing else to do.
        assert!(took < Duration::from_secs(20), "{took:?}");
        drop((queues, connection, observed));
        before.again("all closed").await;
    }
}

/// Does it for all queues at once.
async fn each<F: Future<Output = ()> + Send + 'static>(
    queues: &[Arc<MqttMessageQueue>],
    work: impl Fn(Arc<MqttMessageQueue>) -> F,
) {
    let all: JoinSet<()> = queues.iter().map(|queue| work(queue.clone())).collect();
    tokio::time::timeout(SOON, all.join_all()).await.expect("a queue is stuck");
}
