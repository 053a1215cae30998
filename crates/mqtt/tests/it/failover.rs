use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};
use tokio::task::JoinHandle;

use crate::support::{Observed, eventually, message, text};

/// How many tasks send all the time, each one message after the other.
const SENDERS: usize = 8;

/// How many messages are sent together while no broker fails.
const AT_ONCE: usize = 300;

/// A queue that sends to itself over the first of two brokers that takes it.
struct Run {
    brokers: [TestBroker; 2],
    observed: Observed,
    queue: Arc<MqttMessageQueue>,
    /// How often each text was handled.
    handled: Arc<Mutex<HashMap<String, usize>>>,
    over: Arc<AtomicBool>,
    sending: Vec<JoinHandle<()>>,
}

impl Run {
    async fn begin(more: &[(&str, &str)]) -> Self {
        let brokers = [(); 2].map(|()| TestBroker::start(Engine::Mosquitto).unwrap());
        let mut config = ConfigParams::from_tuples([
            ("options.serialize_envelope", "false"),
            ("options.reconnect_timeout", "50"),
            ("options.max_reconnect_timeout", "500"),
            ("options.send_timeout", "20000"),
            // A listener subscribes in its own time, and what is sent before reaches nobody.
            ("options.autosubscribe", "true"),
        ]);
        for (index, broker) in brokers.iter().enumerate() {
            config.put(format!("connections.{index}.host"), broker.host());
            config.put(format!("connections.{index}.port"), broker.port());
        }
        more.iter().for_each(|(key, value)| config.put(*key, *value));
        let (observed, queue) = (Observed::new(), Arc::new(MqttMessageQueue::new("orders")));
        queue.configure(&config).unwrap();
        queue.set_references(&observed.references).unwrap();
        queue.open(None).await.unwrap();

        let handled: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let receiver = {
            let handled = handled.clone();
            Arc::new(move |envelope: MessageEnvelope| {
                *handled.lock().unwrap().entry(text(&envelope)).or_default() += 1;
                async { Ok(()) }
            })
        };
        queue.clone().begin_listen(None, receiver).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let load = |task| tokio::spawn(load(queue.clone(), over.clone(), task));
        let sending = (0..SENDERS).map(load).collect();
        Self { brokers, observed, queue, handled, over, sending }
    }

    fn reconnects(&self) -> i64 {
        let counter = self.observed.counters.get("mqtt.orders.reconnects");
        counter.and_then(|counter| counter.count).unwrap_or_default()
    }

    /// Sends beside the load while no broker fails: each arrives, and once.
    async fn all_arrive(&self, phase: &str) {
        let sent: Vec<_> = (0..AT_ONCE).map(|number| format!("{phase}.{number}")).collect();
        let send = |text: &String| {
            let (queue, envelope) = (self.queue.clone(), message(text));
            tokio::spawn(
                async move { queue.send(None, envelope).await.map_err(|failed| failed.into_parts().0) },
            )
        };
        for sending in sent.iter().map(send).collect::<Vec<_>>() {
            sending.await.unwrap().unwrap();
        }
        let arrived = async || sent.iter().all(|text| self.handled.lock().unwrap().contains_key(text));
        eventually("all that was acknowledged arrives", arrived).await;
    }

    /// Kills that broker while messages are sent, and waits until the queue is at the other one.
    async fn kill(&self, broker: usize) {
        let reconnects = self.reconnects();
        self.brokers[broker].crash().unwrap();
        eventually("it goes on at the other one", async || self.reconnects() > reconnects).await;
    }

    async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for sending in self.sending {
            sending.await.unwrap();
        }
        self.queue.close(None).await.unwrap();
        let handled = self.handled.lock().unwrap();
        let repeated: Vec<_> = handled.iter().filter(|(_, times)| **times > 1).collect();
        assert!(repeated.is_empty(), "handled more than once: {repeated:?}");
    }
}

/// Sends one message after the other. A send that a kill caught in flight fails.
async fn load(queue: Arc<MqttMessageQueue>, over: Arc<AtomicBool>, task: usize) {
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        if let Err(failed) = queue.send(None, message(&format!("load {task}.{number}"))).await {
            assert_eq!(failed.error().code(), "PUBLISH_FAILED");
        }
    }
}

async fn a_queue_goes_on_at_the_next_broker_and_back(more: &[(&str, &str)]) {
    let run = Run::begin(more).await;
    run.all_arrive("first").await;
    run.kill(0).await;
    run.all_arrive("second").await;
    run.brokers[0].restart().unwrap();
    run.all_arrive("still second").await;
    run.kill(1).await;
    run.all_arrive("first again").await;
    assert_eq!(run.reconnects(), 2, "it did not stay where it was");
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_whose_broker_is_killed_goes_on_at_the_next_one_and_back_at_qos_1() {
    a_queue_goes_on_at_the_next_broker_and_back(&[("options.qos", "1")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_whose_broker_is_killed_goes_on_at_the_next_one_and_back_with_a_kept_session_at_qos_2() {
    let kept = [("client_id", "kept"), ("options.clean_session", "false"), ("options.qos", "2")];
    a_queue_goes_on_at_the_next_broker_and_back(&kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_whose_broker_is_killed_goes_on_at_the_next_one_and_back_with_a_kept_session_of_version_5() {
    let kept = [
        ("client_id", "kept"),
        ("options.clean_session", "false"),
        ("options.qos", "2"),
        ("options.mqtt_version", "5"),
    ];
    a_queue_goes_on_at_the_next_broker_and_back(&kept).await;
}
