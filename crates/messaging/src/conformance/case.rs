use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pip_services_commons::{config::ConfigParams, data::IdGenerator, errors::ApplicationError};

use super::{
    Fixture, Profile, QueueContext,
    ledger::Ledger,
    pace::{PATIENCE, PROMPT, Pace},
    subject::Subject,
};
use crate::{IMessageQueue, MessageEnvelope, MessagingCapabilities};

/// How a case, or a step of it, ends: with a text that tells what does not hold.
pub(super) type CaseResult<T = ()> = Result<T, String>;

/// Ends the case with a message unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err(format!($($message)+));
        }
    };
}
pub(super) use ensure;

/// One run of one case: it makes the queues, and keeps what has to be closed and reported at the end.
pub(super) struct Case {
    name: &'static str,
    run: String,
    fixture: Fixture,
    pace: Pace,
    ledger: Arc<Ledger>,
    queues: Mutex<Vec<Arc<dyn IMessageQueue>>>,
}

impl Case {
    pub(super) fn new(name: &'static str, fixture: Fixture, pace: Pace) -> Arc<Self> {
        let mut run = IdGenerator::next_long();
        run.truncate(12);
        let ledger = Arc::new(Ledger::new(&run));
        Arc::new(Self { name, run, fixture, pace, ledger, queues: Mutex::default() })
    }

    pub(super) fn profile(&self) -> &Profile {
        self.fixture.promised()
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    pub(super) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Nothing may be lost, invented or, where the queue promises that, repeated so far.
    pub(super) fn check(&self) -> CaseResult {
        self.ledger.check(self.profile().delivery)
    }

    /// A message of this run, with a payload of its own.
    pub(super) fn envelope(&self, label: &str) -> MessageEnvelope {
        MessageEnvelope::new(
            Some(&format!("{}-{label}", self.run)),
            "conformance",
            format!("{} {label}", self.run),
        )
    }

    /// The name of a queue of this case and run.
    pub(super) fn queue_name(&self, suffix: &str) -> String {
        let dash = if suffix.is_empty() { "" } else { "-" };
        format!("{}-{}{dash}{suffix}", self.name, self.run)
    }

    /// What the queue can do, told by an instance that is not used any further.
    pub(super) async fn capabilities(&self) -> CaseResult<MessagingCapabilities> {
        Ok(self.create(self.queue_name(""), ConfigParams::new()).await?.get_capabilities())
    }

    async fn create(&self, name: String, config: ConfigParams) -> CaseResult<Arc<dyn IMessageQueue>> {
        let created = self.fixture.create(QueueContext::new(name, config)).await;
        created.map_err(|error| format!("the fixture gave no queue: {error:#}"))
    }

    /// A queue that is not open. Another call gives another instance of the same queue.
    pub(super) async fn unopened(self: &Arc<Self>) -> CaseResult<Subject> {
        self.named("", None).await
    }

    /// An open queue. Another call gives another instance of the same queue.
    pub(super) async fn open(self: &Arc<Self>) -> CaseResult<Subject> {
        let subject = self.unopened().await?;
        subject.open().await?;
        Ok(subject)
    }

    /// A queue that is not open, by name, and with a topic of another name where one is given.
    pub(super) async fn named(self: &Arc<Self>, suffix: &str, topic: Option<&str>) -> CaseResult<Subject> {
        let (name, topic) = (self.queue_name(suffix), topic.map(|topic| self.queue_name(topic)));
        let mut config = ConfigParams::new();
        if let Some(topic) = &topic {
            config.put("topic", topic);
        }
        let queue = self.create(name.clone(), config).await?;
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).push(queue.clone());
        Ok(Subject::new(queue, topic.unwrap_or(name), self.clone()))
    }

    /// Closes all queues, the newest first.
    pub(super) async fn close(&self) -> CaseResult {
        let mut queues = std::mem::take(&mut *self.queues.lock().unwrap_or_else(PoisonError::into_inner));
        let mut result = Ok(());
        while let Some(queue) = queues.pop() {
            result = result.and(self.ok("close at the end", queue.close(None)).await);
        }
        result
    }

    /// What an operation gives in time.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        what: &str,
        operation: impl Future<Output = T>,
    ) -> CaseResult<T> {
        let limit = self.pace.limit(limit);
        let ended = tokio::time::timeout(limit, operation).await;
        ended.map_err(|_| format!("{what} did not end within {limit:?}"))
    }

    /// What an operation gives that must be Ok.
    pub(super) async fn ok<T, E: Into<ApplicationError>>(
        &self,
        what: &str,
        operation: impl Future<Output = Result<T, E>>,
    ) -> CaseResult<T> {
        self.within(PATIENCE, what, operation)
            .await?
            .map_err(|error| format!("{what} failed: {:#}", error.into()))
    }

    /// Makes sure that an operation fails at once with that code.
    pub(super) async fn refused<T, E: Into<ApplicationError>>(
        &self,
        code: &str,
        what: &str,
        operation: impl Future<Output = Result<T, E>>,
    ) -> CaseResult {
        match self.within(PROMPT, what, operation).await? {
            Ok(_) => Err(format!("{what} was Ok instead of {code}")),
            Err(error) => {
                let error = error.into();
                ensure!(error.code() == code, "{what} failed with {error:#} instead of {code}");
                Ok(())
            }
        }
    }
}
