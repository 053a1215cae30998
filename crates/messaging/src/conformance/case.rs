use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use pip_services_commons::{config::ConfigParams, data::IdGenerator, errors::ApplicationError};

use super::{
    Fixture, Profile, QueueContext,
    fixture::Made,
    ledger::Ledger,
    observer::Observer,
    pace::{PATIENCE, PROMPT, Pace},
    subject::Subject,
};
use crate::{MessageEnvelope, MessagingCapabilities};

/// The longest limit in a rehearsal, and which part of what a stress case sends is sent there.
const REHEARSAL: Duration = Duration::from_millis(1500);
const REHEARSED_PART: usize = 5;

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
    faults: bool,
    run: String,
    fixture: Fixture,
    pace: Pace,
    ledger: Arc<Ledger>,
    observer: Arc<Observer>,
    state: Mutex<State>,
}

/// What changes while the case runs.
#[derive(Default)]
pub(super) struct State {
    open: Vec<Made>,
    /// How many instances there are of a queue, by name.
    instances: HashMap<String, usize>,
    /// How many messages were made, which tells them apart.
    envelopes: usize,
    /// What the fixture lacks, so that the case cannot go on.
    pub(super) lacks: Option<String>,
    /// What keeps the broker from working until it is undone.
    pub(super) cut: bool,
    pub(super) stalled: bool,
}

impl Case {
    /// A run of the case of that name, which breaks its broker if it needs faults.
    pub(super) fn new(name: &'static str, faults: bool, fixture: Fixture, pace: Pace) -> Arc<Self> {
        let mut run = IdGenerator::next_long();
        run.truncate(12);
        let ledger = Arc::new(Ledger::new(&run));
        Arc::new(Self {
            name,
            faults,
            run,
            fixture,
            pace,
            ledger,
            observer: Arc::default(),
            state: Mutex::default(),
        })
    }

    pub(super) fn fixture(&self) -> &Fixture {
        &self.fixture
    }

    pub(super) fn profile(&self) -> &Profile {
        self.fixture.promised()
    }

    /// An upper limit of time, as it counts here.
    pub(super) fn limit(&self, limit: Duration) -> Duration {
        let limit = self.pace.limit(limit);
        if self.fixture.is_rehearsal() { limit.min(REHEARSAL) } else { limit }
    }

    /// How long a message may take to arrive.
    pub(super) fn patience(&self) -> Duration {
        self.limit(PATIENCE)
    }

    /// How long locks last in the cases that wait for their end.
    pub(super) fn lock_time(&self) -> Duration {
        let lock_time = self.pace.limit(self.profile().lock_time);
        if self.fixture.is_rehearsal() { lock_time / 2 } else { lock_time }
    }

    /// How many a stress case sends here.
    pub(super) fn count(&self, count: usize) -> usize {
        let divisor = if self.fixture.is_rehearsal() { REHEARSED_PART } else { 1 };
        self.pace.count(count) / divisor
    }

    /// How many a stress case sends here that may all be unread at once, with one more.
    pub(super) fn unread_count(&self, count: usize) -> usize {
        let room = self.profile().max_backlog.map_or(usize::MAX, |max| max.saturating_sub(1));
        self.count(count).min(room)
    }

    /// Random numbers, and the seed that gives them again.
    pub(super) fn random(&self) -> (Rng, u64) {
        let seed = match self.fixture.is_rehearsal() {
            true => 1,
            false => self.pace.seed().unwrap_or_else(|| fastrand::u64(..)),
        };
        (Rng::with_seed(seed), seed)
    }

    pub(super) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    pub(super) fn observer(&self) -> &Observer {
        &self.observer
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing may be lost, invented or, where the queue promises that, repeated so far.
    pub(super) fn check(&self) -> CaseResult {
        self.ledger.check(self.profile().delivery)
    }

    /// What has not arrived there may be lost.
    pub(super) fn excuse_missing(&self, subject: &Subject) {
        let missing = self.ledger.missing(subject.destination());
        missing.iter().for_each(|entry| self.ledger.excuse(*entry));
    }

    /// A message of this run, with a payload of its own.
    pub(super) fn envelope(&self, label: &str) -> MessageEnvelope {
        let number = {
            let mut state = self.state();
            state.envelopes += 1;
            state.envelopes
        };
        let (id, payload) = (format!("{}-{label}", self.run), format!("{} {number}: {label}", self.run));
        MessageEnvelope::new(Some(&id), "conformance", payload)
    }

    /// The name of a queue of this case and run.
    fn queue_name(&self, suffix: &str) -> String {
        let dash = if suffix.is_empty() { "" } else { "-" };
        format!("{}-{}{dash}{suffix}", self.name, self.run)
    }

    /// What the queue can do, told by an instance that is not used any further.
    pub(super) async fn capabilities(&self) -> CaseResult<MessagingCapabilities> {
        let made = self.create(self.context("", ConfigParams::new())).await?;
        Ok(made.queue.get_capabilities())
    }

    /// What a fixture is told about another instance of a queue.
    pub(super) fn context(&self, suffix: &str, config: ConfigParams) -> QueueContext {
        let name = self.queue_name(suffix);
        let instance = {
            let mut state = self.state();
            let instances = state.instances.entry(name.clone()).or_default();
            *instances += 1;
            *instances - 1
        };
        QueueContext::new(name, instance, self.faults, config, self.observer.clone())
    }

    async fn create(&self, context: QueueContext) -> CaseResult<Made> {
        let created = self.fixture.create(context).await;
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

    /// An open queue by name.
    pub(super) async fn open_named(self: &Arc<Self>, suffix: &str) -> CaseResult<Subject> {
        let subject = self.named(suffix, None).await?;
        subject.open().await?;
        Ok(subject)
    }

    /// An open queue whose locks last that long, if they can be set. It has a name of its own for each such time.
    pub(super) async fn open_with_locks_of(self: &Arc<Self>, lock_time: Duration) -> CaseResult<Subject> {
        let milliseconds = lock_time.as_millis().to_string();
        let context = self.context(
            &format!("{milliseconds}ms"),
            ConfigParams::from_tuples([("options.lock_timeout", milliseconds)]),
        );
        let subject = self.make(context, None).await?;
        subject.open().await?;
        Ok(subject)
    }

    /// A queue that is not open, by name, and with a topic of another name where one is given.
    pub(super) async fn named(self: &Arc<Self>, suffix: &str, topic: Option<&str>) -> CaseResult<Subject> {
        let topic = topic.map(|topic| self.queue_name(topic));
        let config = ConfigParams::from_tuples(topic.iter().map(|topic| ("topic", topic.as_str())));
        self.make(self.context(suffix, config), topic).await
    }

    async fn make(self: &Arc<Self>, context: QueueContext, topic: Option<String>) -> CaseResult<Subject> {
        let destination = topic.unwrap_or_else(|| context.queue_name().to_owned());
        let made = self.create(context).await?;
        self.state().open.push(made.clone());
        Ok(Subject::new(made, destination, self.clone()))
    }

    /// Drops a queue without closing it, if the case has no other handle of it.
    pub(super) fn forget(&self, subject: Subject) {
        self.state().open.retain(|made| !Arc::ptr_eq(&made.queue, &subject.queue));
    }

    /// Mends what the case broke, and closes all queues, the newest first.
    pub(super) async fn close(&self) -> CaseResult {
        let mut result = self.mend().await;
        let mut made = std::mem::take(&mut self.state().open);
        while let Some(made) = made.pop() {
            result = result.and(self.ok("close at the end", made.queue.close(None)).await);
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
        let limit = self.limit(limit);
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
