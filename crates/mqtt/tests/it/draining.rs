use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pip_services_commons::{
    refer::{IReferenceable, IReferences},
    run::{IClosable, IOpenable},
};
use pip_services_components::log::LogLevel;
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::TestBroker;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    puppet::Puppet,
    support::{
        Observed, Reacting, eventually, message, on_each_broker, open, open_on, queue, shared_by, text,
    },
};

on_each_broker!(
    at_qos_1_what_comes_while_a_kept_session_closes_and_opens_is_not_lost,
    at_qos_2_it_is_not_lost_and_comes_once,
    on_version_5_it_is_so_as_well,
    with_a_slow_handler_as_much_is_lost_as_is_counted,
    what_a_close_has_no_time_for_is_counted_and_the_log_tells_how_much_it_is,
    what_a_slow_handler_can_take_within_the_time_of_a_close_it_gets,
    a_member_of_a_group_that_closes_loses_nothing,
    a_handler_that_closes_its_queue_does_not_wait_for_the_messages_behind_it,
);

/// What was handled how often.
type Handled = Arc<Mutex<HashMap<String, usize>>>;

fn handler(
    handled: &Handled,
    takes: Duration,
) -> Arc<impl Fn(MessageEnvelope) -> HandlerFuture + Send + Sync + use<>> {
    let handled = handled.clone();
    Arc::new(move |envelope: MessageEnvelope| -> HandlerFuture {
        let handled = handled.clone();
        Box::pin(async move {
            if !takes.is_zero() {
                sleep(takes).await;
            }
            *handled.lock().unwrap().entry(text(&envelope)).or_default() += 1;
            Ok(())
        })
    })
}

type HandlerFuture = std::pin::Pin<
    Box<dyn Future<Output = Result<(), pip_services_commons::errors::ApplicationError>> + Send>,
>;

/// A client that sends a message each millisecond, until it is told to stop. It gives those that the broker has.
struct Load {
    stop: Arc<AtomicBool>,
    sending: JoinHandle<Vec<String>>,
}

impl Load {
    async fn start(broker: &TestBroker, topic: &str, qos: &str) -> Self {
        let sender = open(broker, topic, &[("options.autosubscribe", "false"), ("options.qos", qos)]).await;
        let stop = Arc::new(AtomicBool::new(false));
        let sending = tokio::spawn({
            let stop = stop.clone();
            async move {
                let (mut ticks, mut acknowledged) = (interval(Duration::from_millis(1)), Vec::new());
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    ticks.tick().await;
                    let sent = number.to_string();
                    sender.send(None, message(&sent)).await.unwrap();
                    acknowledged.push(sent);
                }
                acknowledged
            }
        });
        Self { stop, sending }
    }

    async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.sending.await.unwrap()
    }
}

/// How many were not handled.
fn lost(sent: &[String], handled: &Handled) -> usize {
    let handled = handled.lock().unwrap();
    sent.iter().filter(|text| !handled.contains_key(*text)).count()
}

/// All that was dropped, by the queue and its connection.
fn dropped(observed: &Observed, name: &str) -> usize {
    let connection = observed.counters.get(&format!("mqtt.{name}.dropped_messages"));
    let connection = connection.and_then(|counter| counter.count).unwrap_or_default();
    usize::try_from(observed.count(name, "dropped_messages") + connection).unwrap()
}

/// A queue whose session is kept, and what is seen of it.
fn kept(broker: &TestBroker, version: &str, qos: &str) -> (Arc<MqttMessageQueue>, Observed) {
    let kept = [
        ("client_id", "draining"),
        ("options.clean_session", "false"),
        ("options.mqtt_version", version),
        ("options.qos", qos),
    ];
    let (queue, observed) = (queue(broker, "orders", &kept), Observed::new());
    queue.set_references(&observed.references).unwrap();
    (queue, observed)
}

async fn open_for_a_while(queue: &Arc<MqttMessageQueue>, handled: &Handled, takes: Duration) {
    queue.open(None).await.unwrap();
    let before = handled.lock().unwrap().len();
    queue.clone().begin_listen(None, handler(handled, takes)).unwrap();
    eventually("some are handled", async || handled.lock().unwrap().len() >= before + 10).await;
}

/// What became of the messages of a load.
#[derive(Debug)]
struct Books {
    sent: usize,
    lost: usize,
    repeated: usize,
    dropped: usize,
}

/// Closes and opens a queue under a load.
async fn cycles(broker: &TestBroker, version: &str, qos: &str, takes: Duration, count: usize) -> Books {
    let (queue, observed) = kept(broker, version, qos);
    let handled = Handled::default();
    queue.open(None).await.unwrap();
    let load = Load::start(broker, "orders", qos).await;
    for _ in 0..count {
        open_for_a_while(&queue, &handled, takes).await;
        queue.close(None).await.unwrap();
    }
    let sent = load.end().await;
    queue.open(None).await.unwrap();
    queue.clone().begin_listen(None, handler(&handled, Duration::ZERO)).unwrap();
    let all = || lost(&sent, &handled) == dropped(&observed, "orders");
    eventually("all that is not counted is handled", async || all()).await;
    queue.close(None).await.unwrap();
    let repeated = handled.lock().unwrap().values().filter(|count| **count > 1).count();
    Books { sent: sent.len(), lost: lost(&sent, &handled), repeated, dropped: dropped(&observed, "orders") }
}

async fn at_qos_1_what_comes_while_a_kept_session_closes_and_opens_is_not_lost(broker: TestBroker) {
    let books = cycles(&broker, "3.1.1", "1", Duration::ZERO, 10).await;
    assert_eq!((books.lost, books.dropped), (0, 0), "{books:?}");
}

async fn at_qos_2_it_is_not_lost_and_comes_once(broker: TestBroker) {
    let books = cycles(&broker, "3.1.1", "2", Duration::ZERO, 10).await;
    assert_eq!((books.lost, books.dropped, books.repeated), (0, 0, 0), "{books:?}");
}

async fn on_version_5_it_is_so_as_well(broker: TestBroker) {
    let books = cycles(&broker, "5", "2", Duration::ZERO, 10).await;
    assert_eq!((books.lost, books.dropped, books.repeated), (0, 0, 0), "{books:?}");
}

/// More comes than the handler can take, and each close has seconds.
async fn with_a_slow_handler_as_much_is_lost_as_is_counted(broker: TestBroker) {
    let books = cycles(&broker, "3.1.1", "1", Duration::from_millis(5), 2).await;
    assert!(books.lost == books.dropped && books.lost < books.sent, "{books:?}");
}

async fn what_a_close_has_no_time_for_is_counted_and_the_log_tells_how_much_it_is(broker: TestBroker) {
    let (queue, observed) = kept(&broker, "3.1.1", "1");
    queue.open(None).await.unwrap();
    send_and_wait_for(&broker, &queue, 50).await;
    let handled = Handled::default();
    queue.clone().begin_listen(None, handler(&handled, Duration::from_millis(500))).unwrap();
    queue.close(None).await.unwrap();
    let left = 50 - handled.lock().unwrap().len();
    assert!(left > 30, "{left}");
    assert_eq!(dropped(&observed, "orders"), left);
    let line = format!("WARN Dropped {left} messages that nobody received, at the close of [orders]");
    assert!(observed.log.lines().iter().any(|other| other.trim() == line), "{:?}", observed.log.lines());
}

async fn what_a_slow_handler_can_take_within_the_time_of_a_close_it_gets(broker: TestBroker) {
    let (queue, observed) = kept(&broker, "3.1.1", "1");
    queue.open(None).await.unwrap();
    send_and_wait_for(&broker, &queue, 100).await;
    let handled = Handled::default();
    queue.clone().begin_listen(None, handler(&handled, Duration::from_millis(5))).unwrap();
    queue.close(None).await.unwrap();
    assert_eq!((handled.lock().unwrap().len(), dropped(&observed, "orders")), (100, 0));
}

async fn send_and_wait_for(broker: &TestBroker, queue: &MqttMessageQueue, count: u64) {
    let sender = open(broker, "orders", &[("options.autosubscribe", "false")]).await;
    for number in 0..count {
        sender.send(None, message(&number.to_string())).await.unwrap();
    }
    eventually("all are there", async || queue.read_message_count().await.unwrap() == count).await;
}

async fn a_member_of_a_group_that_closes_loses_nothing(broker: TestBroker) {
    let group = [("options.shared_group", "workers")];
    let (handled, observed) = (Handled::default(), Observed::new());
    let staying = queue(&broker, "orders", &group);
    staying.open(None).await.unwrap();
    staying.clone().begin_listen(None, handler(&handled, Duration::ZERO)).unwrap();
    let load = Load::start(&broker, "orders", "1").await;
    for _ in 0..10 {
        let member = queue(&broker, "orders", &group);
        member.set_references(&observed.references).unwrap();
        member.open(None).await.unwrap();
        let own = Handled::default();
        member.clone().begin_listen(None, handler(&own, Duration::from_millis(5))).unwrap();
        eventually("it has its share", async || own.lock().unwrap().len() >= 10).await;
        member.close(None).await.unwrap();
        handled.lock().unwrap().extend(std::mem::take(&mut *own.lock().unwrap()));
    }
    let sent = load.end().await;
    eventually("all are handled", async || lost(&sent, &handled) == 0).await;
    assert_eq!(dropped(&observed, "orders"), 0);
    staying.close(None).await.unwrap();
}

async fn a_handler_that_closes_its_queue_does_not_wait_for_the_messages_behind_it(broker: TestBroker) {
    let (queue, observed) = kept(&broker, "3.1.1", "1");
    queue.open(None).await.unwrap();
    send_and_wait_for(&broker, &queue, 5).await;
    let closing = queue.clone();
    let receiver = move |_: MessageEnvelope| {
        let queue = closing.clone();
        async move { queue.close(None).await }
    };
    queue.clone().begin_listen(None, Arc::new(receiver)).unwrap();
    eventually("it is closed", async || !queue.is_open()).await;
    eventually("the others are counted", async || dropped(&observed, "orders") == 4).await;
}

/// They are between the client, which has acknowledged them, and the queue, and its task does not come to them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_that_are_on_the_way_to_a_queue_when_its_connection_closes_are_counted() {
    let puppet = Puppet::start().await;
    let (observed, connection) = shared_by(&puppet.config(&[])).await;
    let (held, is_held) = std::sync::mpsc::channel();
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    // It holds up the connection's task at the first message, until it is let go for good.
    let logger = Reacting::new(LogLevel::Trace, move |message| {
        if message.to_string().starts_with("Received") {
            let _ = held.send(());
            let _ = wait.lock().unwrap().recv();
        }
    });
    observed.references.put("test:logger:holding:default:1.0".parse().unwrap(), logger);
    let queue = open_on(&observed.references, "orders").await.unwrap();
    // More than a task gets through before it hears that it is over.
    let count = 1000;
    for number in 0..count {
        puppet.publish("orders", &format!(r#"{{"message":"{number}"}}"#)).await;
    }
    puppet.all_passed_on().await;
    tokio::task::spawn_blocking(move || is_held.recv().unwrap()).await.unwrap();
    let closing = tokio::spawn({
        let connection = connection.clone();
        async move { connection.close(None).await }
    });
    eventually("it is over", async || !connection.is_open()).await;
    drop(let_go);
    closing.await.unwrap().unwrap();
    let received = observed.count("orders", "received_messages");
    let counter = observed.counters.get("mqtt.default.dropped_messages");
    let dropped = counter.and_then(|counter| counter.count).unwrap_or_default();
    assert_eq!((received + dropped, dropped > 0), (count, true), "{received} {dropped}");
    let line = format!("Drops {dropped} messages");
    assert!(observed.log.lines().iter().any(|other| other.contains(&line)));
    queue.close(None).await.unwrap();
}
