// Mosquitto 2.0.11 publishes messages at QoS 2 again that it had released to the client: when it is started again, and when a
// connection is lost as it is taken up again. After a crash it gives new messages the packet ids of others that are not released.
// The proofs show both and the wiretap counts them; neither may show in what a queue receives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use pip_services_commons::{
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, Proxy, TestBroker};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    ledger::Ledger,
    support::{Observed, SOON, eventually, message, queue, text, times},
    wiretap::Wiretap,
};

/// How many tasks send, each one message after the other.
const SENDERS: usize = 20;

/// How many messages have to make the whole way between two faults.
const PROGRESS: usize = 200;

/// The text of the last message of a run.
const END: &str = "end";

/// A keepalive that outlasts each fault.
const PATIENT: &str = "60000";

/// How the queues of a run are configured.
#[derive(Clone, Copy)]
struct Setup {
    qos: &'static str,
    version: &'static str,
    /// Whether the sender keeps its session, too; the receiver always does.
    sender_keeps: bool,
    keepalive: &'static str,
    /// Whether the broker remembers over its end. It saves at every message then, which takes its time.
    persistent: bool,
    /// Whether the sender gets no answer before the broker has saved what it answers for. Mosquitto by itself answers
    /// first, and so loses what it acknowledged when it is killed. Where the sender keeps its session, the receiver gets
    /// nothing sooner either: Mosquitto would deliver a message, forget that, and have the sender release it once more.
    saves_first: bool,
    /// How many messages may wait for the receiver before those who send pause.
    max_outstanding: usize,
}

impl Setup {
    const fn new(qos: &'static str) -> Self {
        Self {
            qos,
            version: "3.1.1",
            sender_keeps: false,
            keepalive: "1000",
            persistent: false,
            saves_first: false,
            max_outstanding: usize::MAX,
        }
    }
}

/// A broker under a load: tasks that send without a pause, and one that receives.
struct Run {
    name: String,
    setup: Setup,
    broker: TestBroker,
    proxy: Proxy,
    wiretap: Wiretap,
    observed: Observed,
    ledger: Arc<Ledger>,
    receiver: Arc<MqttMessageQueue>,
    sender: Arc<MqttMessageQueue>,
    stopped: Arc<AtomicBool>,
    sending: Vec<JoinHandle<()>>,
    /// Gives whether the last message came.
    receiving: JoinHandle<bool>,
}

impl Run {
    async fn begin(name: &str, setup: Setup) -> Self {
        let Setup { qos, version, sender_keeps, keepalive, persistent, saves_first, max_outstanding } = setup;
        let broker = TestBroker::builder(Engine::Mosquitto);
        let broker = if persistent { broker.persistent() } else { broker }.start().unwrap();
        let proxy = Proxy::to(broker.address().parse().unwrap()).unwrap();
        let level = if version == "5" { 5 } else { 4 };
        let saved_by = |gated: bool| gated.then(|| broker.address());
        let wiretap = Wiretap::to(proxy.address(), level, saved_by(saves_first && sender_keeps)).await;
        let gate = Wiretap::to(proxy.address(), level, saved_by(saves_first)).await;
        let [port, tapped] = [&gate, &wiretap].map(|wiretap| wiretap.address.port().to_string());
        let observed = Observed::new();
        let common = [
            ("topic", "orders"),
            ("connection.port", port.as_str()),
            ("options.qos", qos),
            ("options.serialize_envelope", "false"),
            ("options.mqtt_version", version),
            ("options.keepalive_timeout", keepalive),
            ("options.connect_timeout", "5000"),
            ("options.max_reconnect_timeout", "500"),
            ("options.send_timeout", "30000"),
            ("options.max_cache_size", "1000000"),
        ];
        let receiver = queue(
            &broker,
            "receiver",
            &[
                &common[..],
                &[
                    ("connection.port", tapped.as_str()),
                    ("client_id", "receiver"),
                    ("options.clean_session", "false"),
                ],
            ]
            .concat(),
        );
        let clean = if sender_keeps { "false" } else { "true" };
        let of_sender =
            [("client_id", "sender"), ("options.clean_session", clean), ("options.autosubscribe", "false")];
        let sender = queue(&broker, "sender", &[&common[..], &of_sender].concat());
        for queue in [&receiver, &sender] {
            queue.set_references(&observed.references).unwrap();
            queue.open(None).await.unwrap();
        }
        let (ledger, stopped) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
        let sending = (0..SENDERS)
            .map(|task| {
                tokio::spawn(send(sender.clone(), ledger.clone(), stopped.clone(), max_outstanding, task))
            })
            .collect();
        let receiving = tokio::spawn(receive(receiver.clone(), ledger.clone()));
        let name = format!(
            "{name}, QoS {qos}, MQTT {version}, sender's session {}",
            if sender_keeps { "kept" } else { "clean" }
        );
        Self {
            name,
            setup,
            broker,
            proxy,
            wiretap,
            observed,
            ledger,
            receiver,
            sender,
            stopped,
            sending,
            receiving,
        }
    }

    /// Waits until the load flows.
    async fn progress(&self) {
        let goal = self.ledger.arrived() + PROGRESS;
        eventually("the load flows", async || self.ledger.arrived() >= goal).await;
    }

    /// How often the receiver and the sender lost their connections.
    fn lost_connections(&self) -> [i64; 2] {
        ["receiver", "sender"].map(|name| {
            let counter = self.observed.counters.get(&format!("mqtt.{name}.lost_connections"));
            counter.and_then(|counter| counter.count).unwrap_or_default()
        })
    }

    /// Ends the load, waits for the last message, and holds the ledger against what has to be.
    async fn end(self) {
        self.progress().await;
        self.stopped.store(true, Ordering::Relaxed);
        for sending in self.sending {
            sending.await.unwrap();
        }
        self.sender.send(None, message(END)).await.unwrap();
        let ended = self.receiving.await.unwrap();
        let (repeated, confused) = {
            let record = self.wiretap.record();
            (record.repeated.len(), record.confused.len())
        };
        println!(
            "{}: {}; the broker sent {} again after their release and {} under ids in use",
            self.name, self.ledger, repeated, confused
        );
        self.ledger.assert_balanced(self.setup.qos == "2");
        assert!(ended, "the last message did not come");
        self.sender.close(None).await.unwrap();
        self.receiver.close(None).await.unwrap();
    }
}

/// Sends one message after the other, and none twice.
async fn send(
    queue: Arc<MqttMessageQueue>,
    ledger: Arc<Ledger>,
    stopped: Arc<AtomicBool>,
    max_outstanding: usize,
    task: usize,
) {
    let mut number = 0;
    while !stopped.load(Ordering::Relaxed) {
        if ledger.outstanding() >= max_outstanding {
            sleep(Duration::from_millis(10)).await;
            continue;
        }
        let sent = format!("{task}.{number}");
        ledger.begin(&sent);
        match queue.send(None, message(&sent)).await {
            Ok(()) => ledger.acknowledge(&sent),
            Err(failed) => {
                assert_eq!(failed.error().code(), "PUBLISH_FAILED");
                ledger.fail(&sent);
            }
        }
        number += 1;
    }
}

/// Receives up to the last message, or until none comes for long.
async fn receive(queue: Arc<MqttMessageQueue>, ledger: Arc<Ledger>) -> bool {
    while let Some(envelope) = queue.receive(None, SOON).await.unwrap() {
        match text(&envelope) {
            end if end == END => return true,
            text => ledger.receive(text),
        }
    }
    false
}

/// Runs a scenario with each setup.
macro_rules! with_each_setup {
    ($($name:ident: $($case:ident($setup:expr)),+;)+) => {$(
        mod $name {
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$name(Run::begin(stringify!($name), $setup).await).await;
                }
            )+
        }
    )+};
}

const AT_1: Setup = Setup::new("1");
const AT_2: Setup = Setup::new("2");
const SAVED_1: Setup = Setup { persistent: true, ..AT_1 };
const SAVED_2: Setup = Setup { persistent: true, ..AT_2 };
const KILLED_1: Setup = Setup { saves_first: true, ..SAVED_1 };
const KILLED_2: Setup = Setup { saves_first: true, ..SAVED_2 };

with_each_setup! {
    a_broker_that_is_stopped_and_started_again_loses_nothing:
        qos_1(SAVED_1),
        qos_2(SAVED_2),
        qos_1_where_both_sessions_are_kept(Setup { sender_keeps: true, ..SAVED_1 }),
        qos_2_where_both_sessions_are_kept(Setup { sender_keeps: true, ..SAVED_2 }),
        qos_2_of_version_5(Setup { version: "5", ..SAVED_2 });
    a_killed_broker_that_saves_before_it_answers_loses_nothing:
        qos_1(KILLED_1),
        qos_1_where_both_sessions_are_kept(Setup { sender_keeps: true, ..KILLED_1 }),
        qos_2(KILLED_2),
        qos_2_where_both_sessions_are_kept(Setup { sender_keeps: true, ..KILLED_2 }),
        qos_2_of_version_5(Setup { version: "5", ..KILLED_2 }),
        qos_2_of_version_5_where_both_sessions_are_kept(Setup { version: "5", sender_keeps: true, ..KILLED_2 });
    a_connection_that_is_cut_without_a_word_loses_nothing:
        qos_1(AT_1),
        qos_2(AT_2),
        qos_2_where_both_sessions_are_kept(Setup { sender_keeps: true, ..AT_2 });
    a_frozen_broker_loses_nothing:
        qos_1_where_the_connection_is_given_up(AT_1),
        qos_2_where_the_connection_is_given_up(AT_2),
        qos_1_where_the_connection_lasts(Setup { keepalive: PATIENT, ..AT_1 }),
        qos_2_where_the_connection_lasts(Setup { keepalive: PATIENT, ..AT_2 });
    packets_that_come_late_lose_nothing:
        qos_1(AT_1),
        qos_2(AT_2);
    a_client_id_that_is_taken_over_loses_nothing_and_is_warned_of:
        qos_1(SAVED_1),
        qos_2(AT_2),
        // Mosquitto writes all of its store at each PUBCOMP: the time for a backlog goes with the square of its length, and no
        // ping is answered meanwhile.
        qos_2_at_a_broker_that_keeps_it(Setup { max_outstanding: 500, ..SAVED_2 });
}

async fn a_broker_that_is_stopped_and_started_again_loses_nothing(run: Run) {
    for _ in 0..times(2) {
        run.progress().await;
        run.broker.stop().unwrap();
        run.broker.restart().unwrap();
    }
    run.end().await;
}

async fn a_killed_broker_that_saves_before_it_answers_loses_nothing(run: Run) {
    for _ in 0..times(2) {
        run.progress().await;
        run.broker.crash().unwrap();
        run.broker.restart().unwrap();
    }
    run.end().await;
}

async fn a_connection_that_is_cut_without_a_word_loses_nothing(run: Run) {
    for round in 1..=i64::from(times(1)) {
        run.progress().await;
        run.proxy.cut();
        eventually("both lose their connections", async || run.lost_connections() == [round; 2]).await;
        run.proxy.heal();
    }
    run.end().await;
}

async fn a_frozen_broker_loses_nothing(run: Run) {
    run.progress().await;
    run.broker.freeze().unwrap();
    // The fault itself, and no wait for something.
    thread::sleep(Duration::from_secs(1) * times(1));
    let given_up = run.setup.keepalive != PATIENT;
    if given_up {
        eventually("both give up their connections", async || run.lost_connections() == [1; 2]).await;
    }
    run.broker.thaw().unwrap();
    run.progress().await;
    assert_eq!(run.lost_connections(), [i64::from(given_up); 2]);
    run.end().await;
}

async fn packets_that_come_late_lose_nothing(run: Run) {
    run.proxy.delay_one_in(100, Duration::from_millis(500));
    for _ in 0..times(2) {
        run.progress().await;
    }
    run.end().await;
}

async fn a_client_id_that_is_taken_over_loses_nothing_and_is_warned_of(run: Run) {
    // Version 3.1.1, keeping the session, no keepalive, and the id "receiver".
    const CONNECT: &[u8] = b"\x10\x14\0\x04MQTT\x04\0\0\0\0\x08receiver";
    for _ in 0..times(1) {
        // Twice in a row is what is suspicious.
        for _ in 0..3 {
            let mut other = TcpStream::connect(run.broker.address()).await.unwrap();
            other.write_all(CONNECT).await.unwrap();
            // Until it is taken over itself. It acknowledges nothing, so that the broker keeps everything.
            let mut got = Vec::new();
            timeout(SOON, other.read_to_end(&mut got)).await.expect("nobody takes it back").unwrap();
            assert_eq!(got[..4], [0x20, 2, 1, 0], "the session was not there");
        }
        run.progress().await;
    }
    // Once, or again after a while in which it seemed to be over.
    let warned = "Another client of client_id 'receiver'";
    assert!(run.observed.log.lines().iter().any(|line| line.contains(warned)), "nothing is told");
    run.end().await;
}
