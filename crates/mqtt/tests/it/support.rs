use std::{
    error::Error,
    fmt::Arguments,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, References},
    run::IOpenable,
};
use pip_services_components::{
    count::LogCounters,
    log::{ILogger, LogLevel},
};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use pip_services_test_broker::TestBroker;

/// Long enough for anything that must happen on a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A quiet time after which something that must not happen counts as not happened.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

/// Of a count or a time, as much as the run shall have: ten times as much under stress.
pub(crate) fn times(count: u32) -> u32 {
    match std::env::var("CONFORMANCE_STRESS").as_deref() {
        Ok("1") => count * 10,
        _ => count,
    }
}

/// Runs a scenario once on each engine.
macro_rules! on_each_broker {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use pip_services_test_broker::{Engine, TestBroker};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                super::$name(TestBroker::start(Engine::Embedded).unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mosquitto() {
                super::$name(TestBroker::start(Engine::Mosquitto).unwrap()).await;
            }
        }
    )+};
}
pub(crate) use on_each_broker;

/// The configuration of a queue at the broker that reconnects fast.
pub(crate) fn config(broker: &TestBroker, more: &[(&str, &str)]) -> ConfigParams {
    let mut config = ConfigParams::from_tuples([
        ("connection.host", broker.host()),
        ("options.autosubscribe", "true"),
        ("options.qos", "1"),
        ("options.reconnect_timeout", "100"),
    ]);
    config.put("connection.port", broker.port());
    more.iter().for_each(|(key, value)| config.put(*key, *value));
    config
}

/// An unopened queue with a connection of its own.
pub(crate) fn queue(broker: &TestBroker, name: &str, more: &[(&str, &str)]) -> Arc<MqttMessageQueue> {
    let queue = MqttMessageQueue::new(name);
    queue.configure(&config(broker, more)).unwrap();
    Arc::new(queue)
}

/// An open queue with a connection of its own.
pub(crate) async fn open(broker: &TestBroker, name: &str, more: &[(&str, &str)]) -> Arc<MqttMessageQueue> {
    let queue = queue(broker, name, more);
    queue.open(None).await.unwrap();
    queue
}

pub(crate) fn message(text: &str) -> MessageEnvelope {
    MessageEnvelope::new(None, "test", text)
}

pub(crate) fn text(envelope: &MessageEnvelope) -> String {
    envelope.get_message_as_string().unwrap_or_default().into_owned()
}

/// The next message's text, which must come soon.
pub(crate) async fn next(queue: &MqttMessageQueue) -> String {
    text(&queue.receive(None, SOON).await.unwrap().expect("no message came"))
}

/// The texts of all messages up to the one with the text `end`.
pub(crate) async fn texts_until(queue: &MqttMessageQueue, end: &str) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        match next(queue).await {
            text if text == end => return texts,
            text => texts.push(text),
        }
    }
}

/// Repeats a check until it holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !check().await {
        assert!(tokio::time::Instant::now() < deadline, "it never happened that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A logger that keeps its lines.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<String>>);

component!(Recorder: dyn ILogger);

impl Recorder {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl ILogger for Recorder {
    fn get_level(&self) -> LogLevel {
        LogLevel::Trace
    }

    fn set_level(&self, _: LogLevel) {}

    fn log(
        &self,
        level: LogLevel,
        _: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        let error = error.map(ToString::to_string).unwrap_or_default();
        self.0.lock().unwrap().push(format!("{level} {message} {error}"));
    }
}

/// References with a logger that keeps its lines, counters, and what else is given.
pub(crate) struct Observed {
    pub(crate) references: References,
    pub(crate) log: Arc<Recorder>,
    pub(crate) counters: Arc<LogCounters>,
}

impl Observed {
    pub(crate) fn new() -> Self {
        let (references, log, counters) =
            (References::new(), Arc::new(Recorder::default()), Arc::new(LogCounters::new()));
        references.put("test:logger:recorder:default:1.0".parse().unwrap(), log.clone());
        references.put("pip-services:counters:log:default:1.0".parse().unwrap(), counters.clone());
        Self { references, log, counters }
    }

    /// A counter of the queue named so.
    pub(crate) fn count(&self, queue: &str, event: &str) -> i64 {
        self.counters
            .get(&format!("queue.{queue}.{event}"))
            .and_then(|counter| counter.count)
            .unwrap_or_default() as i64
    }
}

/// An open connection in references of its own.
pub(crate) async fn shared(broker: &TestBroker) -> (Observed, Arc<MqttConnection>) {
    shared_with(broker, &[]).await
}

/// An open connection with these options in references of its own.
pub(crate) async fn shared_with(
    broker: &TestBroker,
    more: &[(&str, &str)],
) -> (Observed, Arc<MqttConnection>) {
    shared_by(&config(broker, more)).await
}

/// The same, with this configuration.
pub(crate) async fn shared_by(config: &ConfigParams) -> (Observed, Arc<MqttConnection>) {
    let observed = Observed::new();
    let connection = Arc::new(MqttConnection::new());
    connection.configure(config).unwrap();
    connection.set_references(&observed.references).unwrap();
    connection.open(None).await.unwrap();
    observed.references.put("pip-services:connection:mqtt:default:1.0".parse().unwrap(), connection.clone());
    (observed, connection)
}

/// An open queue on the connection in the references.
pub(crate) async fn open_on(
    references: &References,
    name: &str,
) -> Result<Arc<MqttMessageQueue>, ApplicationError> {
    let queue = MqttMessageQueue::new(name);
    queue.configure(&ConfigParams::from_tuples([("options.autosubscribe", "true"), ("options.qos", "1")]))?;
    queue.set_references(references)?;
    queue.open(None).await?;
    Ok(Arc::new(queue))
}

/// What a logger does with a line.
type Reaction = Box<dyn Fn(Arguments<'_>) + Send + Sync>;

/// A logger that does what a test wants at each line of its level, and keeps nothing.
pub(crate) struct Reacting {
    level: LogLevel,
    reaction: Reaction,
}

component!(Reacting: dyn ILogger);

impl Reacting {
    pub(crate) fn new(
        level: LogLevel,
        reaction: impl Fn(Arguments<'_>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { level, reaction: Box::new(reaction) })
    }
}

impl ILogger for Reacting {
    fn get_level(&self) -> LogLevel {
        self.level
    }

    fn set_level(&self, _: LogLevel) {}

    fn log(&self, _: LogLevel, _: Option<&str>, _: Option<&(dyn Error + 'static)>, message: Arguments<'_>) {
        (self.reaction)(message);
    }
}
