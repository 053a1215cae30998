use std::{
    error::Error,
    fmt::Arguments,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use pip_services_commons::component;
use pip_services_components::log::{ILogger, LogLevel};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};

/// Long enough for anything that must happen on a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

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

/// Repeats a check until it holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !check().await {
        assert!(tokio::time::Instant::now() < deadline, "it never happened that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The next message's text, which must come soon. The message is completed.
pub(crate) async fn next(queue: &dyn IMessageQueue) -> String {
    let mut envelope = queue.receive(None, SOON).await.unwrap().expect("no message came");
    queue.complete(&mut envelope).await.unwrap();
    envelope.get_message_as_string().unwrap().into_owned()
}

pub(crate) fn message(text: &str) -> MessageEnvelope {
    MessageEnvelope::new(Some("123"), "test", text)
}

/// A logger that keeps its lines.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<String>>>);

component!(Recorder: dyn ILogger);

impl Recorder {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The places of the lines that have these parts, each of which must be there.
    pub(crate) fn places(&self, parts: &[&str]) -> Vec<usize> {
        let lines = self.lines();
        let place = |part: &&str| lines.iter().position(|line| line.contains(part));
        parts.iter().map(|part| place(part).unwrap_or_else(|| panic!("no '{part}' in {lines:#?}"))).collect()
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
        correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        let id = correlation_id.unwrap_or("---");
        let error = error.map(|error| format!(": {error}")).unwrap_or_default();
        self.0.lock().unwrap().push(format!("[{id}:{level}] {message}{error}"));
    }
}
