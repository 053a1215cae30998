use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use pip_services_commons::{
    config::{ConfigParams, NameResolver},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
};
use pip_services_components::{
    count::{CompositeCounters, CounterTiming, ICounters},
    log::{CompositeLogger, ILogger, LogLevel},
};
use tokio::runtime::Handle;

use super::{guarded::Guarded, limit::at_least_one};
use crate::{
    IMessageReceiver, ListenedQueue, MessageEnvelope, MessagingCapabilities,
    listen::{Begun, END_TIMEOUT, Listeners, Listening},
};

/// What every queue has: a name, capabilities, a logger, counters, and its listener; ports `MessageQueue`.
///
/// A queue holds one and calls it, where the other ports derive from it. A queue on a broker holds a
/// [`CachedMessageQueue`](crate::CachedMessageQueue), which has one. The package `examples/channel-queue` of the
/// repository is a whole queue that holds one, with its tests.
///
/// | parameter | default | |
/// |---|---|---|
/// | `queue`, else `name`, else `id`, else the name in `descriptor` | the constructor's | the queue's name |
/// | `options.concurrency` | 1 | how many messages the listener handles at once; with 1 their order is kept |
///
/// References, all optional: loggers `*:logger:*:*:*` and counters `*:counters:*:*:*`. One that panics costs
/// the queue no message, and its caller nothing.
///
/// It also does the observing: the methods named after an event count and log that event in the way that all
/// queues share. The counters of an unnamed queue have `unnamed` for the name.
///
/// | event | counter `queue.<name>.…` | log level |
/// |---|---|---|
/// | [`sent`](Self::sent) | `sent_messages` | debug |
/// | [`received`](Self::received) | `received_messages` | debug |
/// | [`renewed`](Self::renewed), [`completed`](Self::completed) | | trace |
/// | [`abandoned`](Self::abandoned) | `abandoned_messages` | trace |
/// | [`dead`](Self::dead) | `dead_messages` | trace |
/// | [`dead_dropped`](Self::dead_dropped) | `dropped_dead_messages` | warn |
/// | [`expired`](Self::expired) | `expired_messages` | debug |
/// | [`dropped`](Self::dropped) | `dropped_messages` | error |
/// | [`malformed`](Self::malformed) | `malformed_messages` | error |
/// | [`receiver_failed`](Self::receiver_failed) | `failed_handlers` | error |
/// | a message is still being handled when [`end_listen`](Self::end_listen) waits no longer | `unfinished_handlers` | warn, with their number |
/// | the listener handled a message, also where that failed | `process_time`, an interval | – |
/// | a message came into the cache of a queue on a broker, or left it | `cached_messages`, the last number | – |
pub struct MessageQueue {
    names: ArcSwap<Names>,
    capabilities: MessagingCapabilities,
    logger: Guarded<CompositeLogger>,
    counters: Guarded<CompositeCounters>,
    concurrency: AtomicUsize,
    listeners: Listeners,
}

/// The name and the names of counters that hold it, made once instead of for each message.
struct Names {
    queue: String,
    sent: String,
    received: String,
    abandoned: String,
    dead: String,
    dead_dropped: String,
    expired: String,
    cached: String,
    dropped: String,
    malformed: String,
    failed: String,
    unfinished: String,
    process_time: String,
}

impl Names {
    fn new(queue: &str) -> Arc<Self> {
        let label = if queue.is_empty() { "unnamed" } else { queue };
        let counter = |event: &str| format!("queue.{label}.{event}");
        Arc::new(Self {
            queue: queue.to_owned(),
            sent: counter("sent_messages"),
            received: counter("received_messages"),
            abandoned: counter("abandoned_messages"),
            dead: counter("dead_messages"),
            dead_dropped: counter("dropped_dead_messages"),
            expired: counter("expired_messages"),
            cached: counter("cached_messages"),
            dropped: counter("dropped_messages"),
            malformed: counter("malformed_messages"),
            failed: counter("failed_handlers"),
            unfinished: counter("unfinished_handlers"),
            process_time: counter("process_time"),
        })
    }
}

impl MessageQueue {
    /// The base of a queue of that name, which can be empty.
    pub fn new(name: &str, capabilities: MessagingCapabilities) -> Self {
        Self {
            names: ArcSwap::new(Names::new(name)),
            capabilities,
            logger: Guarded(CompositeLogger::new()),
            counters: Guarded(CompositeCounters::new()),
            concurrency: AtomicUsize::new(1),
            listeners: Listeners::new(),
        }
    }

    /// Takes the name and `options.concurrency`; what the parameters do not name stays as it is. A listener
    /// that is active keeps the concurrency that it began with.
    ///
    /// # Errors
    /// `BAD_DESCRIPTOR`, `BAD_VALUE` (Misconfiguration). Nothing is changed then.
    pub fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let concurrency = at_least_one(config, "options.concurrency")?;
        let name = match config.get_as_nullable_string("queue") {
            Some(name) => Some(name),
            None => NameResolver::resolve(config)?,
        };
        if let Some(name) = name {
            self.names.store(Names::new(&name));
        }
        if let Some(concurrency) = concurrency {
            self.concurrency.store(concurrency, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes the loggers and counters that there are.
    ///
    /// # Errors
    /// None at present.
    pub fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.logger.0.set_references(references)?;
        self.counters.0.set_references(references)
    }

    /// Lets go of them.
    pub fn unset_references(&self) {
        self.logger.0.unset_references();
        self.counters.0.unset_references();
    }

    /// The queue's name; empty when it has none.
    pub fn get_name(&self) -> String {
        self.names.load().queue.clone()
    }

    /// What the queue can do.
    pub fn capabilities(&self) -> MessagingCapabilities {
        self.capabilities
    }

    /// The loggers of the queue. They do not panic.
    pub fn logger(&self) -> &dyn ILogger {
        &self.logger
    }

    /// The counters of the queue. They do not panic.
    pub fn counters(&self) -> &dyn ICounters {
        &self.counters
    }

    /// Does what [`IMessageQueue::listen`](crate::IMessageQueue::listen) tells.
    ///
    /// # Errors
    /// As there.
    pub async fn listen<Q: ListenedQueue>(
        queue: &Q,
        correlation_id: Option<&str>,
        receiver: &dyn IMessageReceiver,
    ) -> Result<(), ApplicationError> {
        Self::begin(queue, correlation_id)?.run(queue, correlation_id, receiver).await
    }

    /// Does what [`IMessageQueue::begin_listen`](crate::IMessageQueue::begin_listen) tells.
    ///
    /// # Errors
    /// As there.
    pub fn begin_listen<Q: ListenedQueue>(
        queue: &Arc<Q>,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        let runtime = Handle::try_current().map_err(|error| {
            let message = "begin_listen needs a tokio runtime";
            ApplicationError::invalid_state(correlation_id, "NO_RUNTIME", message).with_cause(error)
        })?;
        let listening = Self::begin(&**queue, correlation_id)?;
        let readiness = queue.readiness(correlation_id)?;
        listening.spawn(&runtime, queue, readiness, correlation_id, receiver);
        Ok(())
    }

    fn begin<Q: ListenedQueue>(
        queue: &Q,
        correlation_id: Option<&str>,
    ) -> Result<Listening, ApplicationError> {
        let base = queue.base();
        if !queue.is_open() {
            return Err(base.not_opened(correlation_id));
        }
        let listening = base.listeners.begin(correlation_id, base.concurrency.load(Ordering::Relaxed))?;
        base.logger.trace(None, format_args!("Started listening messages at [{}]", base.names.load().queue));
        Ok(listening)
    }

    /// Does what [`IMessageQueue::end_listen`](crate::IMessageQueue::end_listen) tells. A queue's `close` begins
    /// with it, before it waits for anything that a handling may hold: one that closes the queue as well would
    /// otherwise be waited for while it waits.
    ///
    /// A listening can begin meanwhile, as the queue is open still. So `close` ends it once more when the queue counts
    /// as closed.
    pub async fn end_listen(&self) {
        self.end_listen_within(END_TIMEOUT).await;
    }

    /// Does what [`end_listen`](Self::end_listen) does, and waits up to `limit` for the handlings that run, for a `close`
    /// that has to end in time. A handling that takes longer finishes in its own time, counted in
    /// `queue.<name>.unfinished_handlers` and logged.
    pub async fn end_listen_within(&self, limit: Duration) {
        self.end_begun(self.begun(), limit).await;
    }

    /// Has the listener end as soon as it finds no message, and waits up to `limit` for that and for all its handlings: for a
    /// `close` of a queue that gets no more messages, and would lose those that it has. Called from a handling, it does
    /// nothing. What is not over then still goes on, until [`end_listen_within`](Self::end_listen_within).
    pub async fn finish_listen_within(&self, limit: Duration) {
        self.listeners.finish(self.begun(), limit).await;
    }

    /// The listening that there is when a session ends, which belongs to it.
    pub(crate) fn begun(&self) -> Begun {
        self.listeners.begun()
    }

    /// Does what [`end_listen_within`](Self::end_listen_within) does to that listening, and to none of the next session.
    pub(crate) async fn end_begun(&self, begun: Begun, limit: Duration) {
        let unfinished = self.listeners.end(begun, limit).await;
        if unfinished > 0 {
            self.left_unfinished(unfinished);
        }
    }

    /// So many messages were still being handled when the end of the listening waited no longer.
    fn left_unfinished(&self, count: usize) {
        let names = self.names.load();
        self.counters.increment(&names.unfinished, i64::try_from(count).unwrap_or(i64::MAX));
        let what = format_args!(
            "Waits no longer for {count} messages that are still being handled at [{}]; their handling is left to itself",
            names.queue
        );
        self.logger.warn(None, what);
    }

    /// The error of an operation on a queue that is not open.
    pub fn not_opened(&self, correlation_id: Option<&str>) -> ApplicationError {
        let message = format!("queue '{}' is not open", self.names.load().queue);
        ApplicationError::invalid_state(correlation_id, "NOT_OPENED", message)
    }

    /// The error of an operation that the queue cannot do.
    pub fn not_supported(&self, correlation_id: Option<&str>, operation: &str) -> ApplicationError {
        let message = format!("queue '{}' cannot {operation}", self.names.load().queue);
        ApplicationError::unsupported(correlation_id, "NOT_SUPPORTED", message)
            .with_details("operation", operation)
    }

    /// Counts what happens to each message, and looks up the names only where somebody counts.
    fn count(&self, counter: fn(&Names) -> &str) {
        if !self.counters.0.is_empty() {
            self.counters.increment_one(counter(&self.names.load()));
        }
    }

    /// Logs what happens to each message, and looks up the names only where somebody reads it.
    fn tell(
        &self,
        level: LogLevel,
        correlation_id: Option<&str>,
        event: &str,
        envelope: &MessageEnvelope,
        at: &str,
    ) {
        if self.logger.is_enabled(level) {
            let id = envelope.correlation_id.as_deref().or(correlation_id);
            let name = &self.names.load().queue;
            self.logger.log(level, id, None, format_args!("{event} message {envelope} {at} [{name}]"));
        }
    }

    /// So many messages wait in the cache.
    pub(crate) fn cached(&self, count: impl FnOnce() -> usize) {
        if !self.counters.0.is_empty() {
            self.counters.last(&self.names.load().cached, count() as f64);
        }
    }

    /// A message was sent. It is logged with its own correlation id, or that of the call where it has none.
    pub fn sent(&self, correlation_id: Option<&str>, envelope: &MessageEnvelope) {
        self.count_sent();
        self.tell(LogLevel::Debug, correlation_id, "Sent", envelope, "via");
    }

    /// What [`sent`](Self::sent) does where no logger wants to know, for a queue that has given the message away.
    pub(crate) fn count_sent(&self) {
        self.count(|names| &names.sent);
    }

    /// A message was received, or delivered without a call.
    pub fn received(&self, correlation_id: Option<&str>, envelope: &MessageEnvelope) {
        self.count(|names| &names.received);
        self.tell(LogLevel::Debug, correlation_id, "Received", envelope, "via");
    }

    /// Messages were looked at.
    pub fn peeked(&self, correlation_id: Option<&str>, messages: &[MessageEnvelope]) {
        let name = &self.names.load().queue;
        match messages {
            [] => {}
            [envelope] => {
                let id = envelope.correlation_id.as_deref().or(correlation_id);
                self.logger.trace(id, format_args!("Peeked message {envelope} at [{name}]"));
            }
            messages => {
                let count = messages.len();
                self.logger.trace(correlation_id, format_args!("Peeked {count} messages at [{name}]"));
            }
        }
    }

    /// The lock of a received message lasts longer.
    pub fn renewed(&self, envelope: &MessageEnvelope) {
        self.tell(LogLevel::Trace, None, "Renewed lock for", envelope, "at");
    }

    /// A received message was removed for good.
    pub fn completed(&self, envelope: &MessageEnvelope) {
        self.tell(LogLevel::Trace, None, "Completed", envelope, "at");
    }

    /// A received message was put back.
    pub fn abandoned(&self, envelope: &MessageEnvelope) {
        let names = self.names.load();
        self.counters.increment_one(&names.abandoned);
        let id = envelope.correlation_id.as_deref();
        self.logger.trace(id, format_args!("Abandoned message {envelope} at [{}]", names.queue));
    }

    /// A message became a dead letter.
    pub fn dead(&self, envelope: &MessageEnvelope) {
        let names = self.names.load();
        self.counters.increment_one(&names.dead);
        let id = envelope.correlation_id.as_deref();
        self.logger.trace(id, format_args!("Moved message {envelope} to dead letters at [{}]", names.queue));
    }

    /// A dead letter was dropped because there was no room for another.
    pub fn dead_dropped(&self, envelope: &MessageEnvelope) {
        let names = self.names.load();
        self.counters.increment_one(&names.dead_dropped);
        let (id, queue) = (envelope.correlation_id.as_deref(), &names.queue);
        self.logger
            .warn(id, format_args!("No room: dropped message {envelope} from dead letters at [{queue}]"));
    }

    /// Locks of received messages expired, and the messages are back.
    pub fn expired(&self, count: usize) {
        let names = self.names.load();
        self.counters.increment(&names.expired, i64::try_from(count).unwrap_or(i64::MAX));
        self.logger.debug(None, format_args!("The locks of {count} messages expired at [{}]", names.queue));
    }

    /// A message was dropped because there was no room for it. Only the first of a burst is logged.
    pub fn dropped(&self, envelope: &MessageEnvelope, first_of_burst: bool) {
        let names = self.names.load();
        self.counters.increment_one(&names.dropped);
        if first_of_burst {
            let (id, queue) = (envelope.correlation_id.as_deref(), &names.queue);
            let what = format_args!("No room: dropped message {envelope} at [{queue}], and may drop more");
            self.logger.error(id, None, what);
        }
    }

    /// So many messages were dropped because the queue was closed.
    pub(crate) fn dropped_at_close(&self, count: usize) {
        if count > 0 {
            let names = self.names.load();
            self.counters.increment(&names.dropped, i64::try_from(count).unwrap_or(i64::MAX));
            let what = format_args!(
                "Dropped {count} messages that nobody received, at the close of [{}]",
                names.queue
            );
            self.logger.warn(None, what);
        }
    }

    /// A message was dropped because it came after the close. Only the first one is logged.
    pub(crate) fn dropped_late(&self, first: bool) {
        self.count(|names| &names.dropped);
        if first {
            let name = &self.names.load().queue;
            self.logger.warn(None, format_args!("Drops messages that came to [{name}] after its close"));
        }
    }

    /// Something arrived that is no message.
    pub fn malformed(&self, error: &ApplicationError, origin: &str) {
        let names = self.names.load();
        self.counters.increment_one(&names.malformed);
        self.logger.error(
            None,
            Some(error),
            format_args!("Skipped what arrived from {origin} at [{}]", names.queue),
        );
    }

    /// The handling of a message begins.
    pub(crate) fn begin_handling(&self) -> CounterTiming {
        match self.counters.0.is_empty() {
            true => CounterTiming::inert(),
            false => self.counters.begin_timing(&self.names.load().process_time),
        }
    }

    /// A receiver did not handle a message.
    pub fn receiver_failed(
        &self,
        correlation_id: Option<&str>,
        error: &ApplicationError,
        envelope: &MessageEnvelope,
    ) {
        let names = self.names.load();
        self.counters.increment_one(&names.failed);
        let id = envelope.correlation_id.as_deref().or(correlation_id);
        self.logger.error(
            id,
            Some(error),
            format_args!("Failed to handle message {envelope} at [{}]", names.queue),
        );
    }
}
