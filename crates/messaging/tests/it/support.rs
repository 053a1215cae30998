use std::{
    error::Error,
    fmt::Arguments,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Wake},
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
use pip_services_messaging::{IMessageQueue, IMessageReceiver, MemoryMessageQueue, MessageEnvelope};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

/// An open queue with these options.
pub(crate) async fn opened(options: &[(&str, i64)]) -> Arc<MemoryMessageQueue> {
    let queue = Arc::new(MemoryMessageQueue::new("orders"));
    queue.configure(&ConfigParams::from_tuples(options.iter().copied())).unwrap();
    queue.open(None).await.unwrap();
    queue
}

/// What the queue counts from now on.
pub(crate) fn counted(queue: &MemoryMessageQueue) -> Arc<LogCounters> {
    observed(queue).1
}

/// What the queue logs from now on.
pub(crate) fn logged(queue: &dyn IReferenceable) -> Arc<Recorder> {
    observed(queue).0
}

/// What the queue logs and counts from now on.
pub(crate) fn observed(queue: &dyn IReferenceable) -> (Arc<Recorder>, Arc<LogCounters>) {
    let (references, log, counters) =
        (References::new(), Arc::new(Recorder::default()), Arc::new(LogCounters::new()));
    references.put("test:logger:recorder:default:1.0".parse().unwrap(), log.clone());
    references.put("test:counters:log:default:1.0".parse().unwrap(), counters.clone());
    queue.set_references(&references).unwrap();
    (log, counters)
}

/// How often the queue of that name has counted the event.
pub(crate) fn count(counters: &LogCounters, queue: &str, event: &str) -> i64 {
    counters.get(&format!("queue.{queue}.{event}")).and_then(|counter| counter.count).unwrap_or_default()
}

pub(crate) async fn send(queue: &MemoryMessageQueue, text: &str) {
    queue.send(None, MessageEnvelope::new(None, "order", text)).await.unwrap();
}

/// The next message that is there, or comes without a wait.
pub(crate) async fn take(queue: &MemoryMessageQueue) -> Option<MessageEnvelope> {
    queue.receive(None, Duration::ZERO).await.unwrap()
}

pub(crate) fn text(envelope: &MessageEnvelope) -> String {
    envelope.get_message_as_string().unwrap().into_owned()
}

/// The messages that are there, which stay.
pub(crate) async fn waiting(queue: &MemoryMessageQueue) -> Vec<String> {
    queue.peek_batch(None, 100).await.unwrap().iter().map(text).collect()
}

/// A logger that keeps its lines, and may panic at each.
#[derive(Default)]
pub(crate) struct Recorder {
    lines: Mutex<Vec<String>>,
    panics: bool,
}

component!(Recorder: dyn ILogger);

impl Recorder {
    /// One that keeps its lines and panics at each.
    pub(crate) fn panicking() -> Self {
        Self { panics: true, ..Self::default() }
    }

    /// The lines that have this part.
    pub(crate) fn with(&self, part: &str) -> Vec<String> {
        self.lines.lock().unwrap().iter().filter(|line| line.contains(part)).cloned().collect()
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
        let (id, error) =
            (correlation_id.unwrap_or("---"), error.map(ToString::to_string).unwrap_or_default());
        self.lines.lock().unwrap().push(format!("{level} {id} {message} {error}"));
        assert!(!self.panics, "the logger failed");
    }
}

/// Long enough for anything that must happen on a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Repeats a check until it holds.
pub(crate) async fn eventually(what: &str, check: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !check() {
        assert!(Instant::now() < deadline, "it never happened that {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Lets everything run that can go on without a wait.
pub(crate) async fn settle_down() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// How often a task was woken.
#[derive(Default)]
pub(crate) struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Woken {
    pub(crate) fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A listening that begins while a close waits for the one before is ended by it as well, and handles nothing of the
/// next session.
pub(crate) async fn a_close_ends_a_listening_that_begins_meanwhile<Q: IMessageQueue + 'static>(
    queue: Arc<Q>,
    send: impl AsyncFn(&str),
) {
    let (go_on, gate) = watch::channel(false);
    let (begun, mut begins) = mpsc::unbounded_channel();
    let former = move |_: MessageEnvelope| {
        let (mut gate, _) = (gate.clone(), begun.send(()));
        async move {
            gate.wait_for(|open| *open)
                .await
                .map(|_| ())
                .map_err(|_| ApplicationError::unknown(None, "GONE", "the test is over"))
        }
    };
    queue.clone().begin_listen(None, Arc::new(former)).unwrap();
    send("a").await;
    begins.recv().await.unwrap();
    let mut close = Box::pin(queue.close(None));
    assert!(poll_once(&mut close).await.is_none(), "the close does not wait for the handling");
    go_on.send_replace(true);
    settle_down().await;
    // The close has not heard yet that the first one is over.
    let handled = Arc::new(AtomicUsize::new(0));
    let later = {
        let handled = handled.clone();
        move |_: MessageEnvelope| {
            handled.fetch_add(1, Ordering::Relaxed);
            async { Ok(()) }
        }
    };
    queue.clone().begin_listen(None, Arc::new(later)).unwrap();
    close.await.unwrap();
    queue.open(None).await.unwrap();
    send("b").await;
    settle_down().await;
    assert_eq!(handled.load(Ordering::Relaxed), 0, "it was handled after the close");
    assert_eq!(text(&queue.receive(None, Duration::ZERO).await.unwrap().unwrap()), "b");
}

/// What the future gives when it is polled once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| match Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A receiver that tells the text of each message, and whether its listener still has it.
pub(crate) fn recorder() -> (Arc<dyn IMessageReceiver>, mpsc::UnboundedReceiver<String>) {
    let (sender, handled) = mpsc::unbounded_channel();
    let receiver = move |envelope: MessageEnvelope| {
        let _ = sender.send(text(&envelope));
        async { Ok(()) }
    };
    (Arc::new(receiver), handled)
}
