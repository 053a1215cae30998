use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, timeout},
};

use super::{
    case::{Case, CaseResult, ensure},
    fixture::Made,
    pace::{LEAD, PATIENCE, POLL, QUIET, WATCHDOG},
};
use crate::{IMessageQueue, IMessageReceiver, MessageEnvelope, MessagingCapabilities};

/// A queue under test, which enters what it sends and receives in the ledger.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) queue: Arc<dyn IMessageQueue>,
    made: Made,
    destination: String,
    case: Arc<Case>,
}

type Receive = Result<Option<MessageEnvelope>, ApplicationError>;

/// A message as it was given to `send`.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) envelope: MessageEnvelope,
    pub(super) entry: usize,
    label: String,
}

/// A message of this run as it arrived.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) envelope: MessageEnvelope,
    pub(super) entry: usize,
}

/// Where messages of a queue arrive: the queue itself, or its listener.
#[async_trait]
pub(super) trait Arrivals: Send {
    /// The next message of this run, settled, or `None` after `wait`.
    async fn next(&mut self, wait: Duration) -> CaseResult<Option<Received>>;
}

impl Subject {
    pub(super) fn new(made: Made, destination: String, case: Arc<Case>) -> Self {
        Self { queue: made.queue.clone(), made, destination, case }
    }

    pub(super) fn destination(&self) -> &str {
        &self.destination
    }

    pub(super) fn capabilities(&self) -> MessagingCapabilities {
        self.queue.get_capabilities()
    }

    pub(super) async fn open(&self) -> CaseResult {
        self.case.ok("open", self.queue.open(None)).await
    }

    pub(super) async fn close(&self) -> CaseResult {
        self.case.ok("close", self.queue.close(None)).await
    }

    /// Sends a new message.
    pub(super) async fn send(&self, label: &str) -> CaseResult<Sent> {
        self.send_envelope(label, self.case.envelope(label)).await
    }

    /// Sends messages whose labels are these numbers, one after another.
    pub(super) async fn send_numbered(
        &self,
        numbers: impl IntoIterator<Item = usize>,
    ) -> CaseResult<Vec<Sent>> {
        let mut sent = Vec::new();
        for number in numbers {
            sent.push(self.send(&number.to_string()).await?);
        }
        Ok(sent)
    }

    /// Sends a new message where the queue may refuse it.
    pub(super) async fn try_send(&self, label: &str) -> CaseResult<Result<Sent, ApplicationError>> {
        let envelope = self.case.envelope(label);
        let entry = self.case.ledger().attempt(&self.destination, label, &envelope);
        let what = format!("send of '{label}'");
        let sending = self.queue.send(None, envelope.clone());
        Ok(match self.case.within(WATCHDOG, &what, sending).await? {
            Ok(()) => {
                self.case.ledger().acknowledge(entry);
                Ok(Sent { envelope, entry, label: label.to_owned() })
            }
            Err(failed) => Err(failed.into()),
        })
    }

    /// Sends by several tasks at once, each so many messages.
    pub(super) async fn send_from_tasks(&self, tasks: usize, each: usize) -> CaseResult {
        let mut sending = JoinSet::new();
        for task in 0..tasks {
            let subject = self.clone();
            sending.spawn(async move {
                for number in 0..each {
                    subject.send(&format!("{number} of task {task}")).await?;
                }
                Ok(())
            });
        }
        join(sending).await
    }

    /// Sends the given message.
    pub(super) async fn send_envelope(&self, label: &str, envelope: MessageEnvelope) -> CaseResult<Sent> {
        let sending = self.queue.send(None, envelope.clone());
        self.send_by(sending, label, envelope).await
    }

    /// Sends a message by `sending`, which sends what `envelope` has.
    pub(super) async fn send_by<E: Into<ApplicationError>>(
        &self,
        sending: impl Future<Output = Result<(), E>>,
        label: &str,
        envelope: MessageEnvelope,
    ) -> CaseResult<Sent> {
        let entry = self.case.ledger().attempt(&self.destination, label, &envelope);
        self.case.ok(&format!("send of '{label}'"), sending).await?;
        self.case.ledger().acknowledge(entry);
        Ok(Sent { envelope, entry, label: label.to_owned() })
    }

    /// Receives the next message of this run, or `None` after `wait`.
    pub(super) async fn next(&self, wait: Duration) -> CaseResult<Option<Received>> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let receiving = self.queue.receive(None, left);
            let receiving = timeout(left + self.case.patience(), receiving).await;
            let receiving = receiving.map_err(|_| format!("a receive of {left:?} did not end in time"))?;
            let envelope = receiving.map_err(|error| format!("receive failed: {error:#}"))?;
            if let Some(envelope) = envelope {
                if let Some(entry) = self.case.ledger().arrive(&self.destination, &envelope)? {
                    return Ok(Some(Received { envelope, entry }));
                }
            } else if deadline <= Instant::now() {
                return Ok(None);
            }
            // It ended early, or gave the message of somebody else.
            sleep(POLL).await;
        }
    }

    /// Takes messages until something is done.
    pub(super) async fn receive_until(&self, done: impl Fn() -> bool) -> CaseResult {
        while !done() {
            if let Some(received) = self.next(LEAD).await? {
                self.complete(received.envelope).await?;
            }
        }
        Ok(())
    }

    /// Starts a receive on a task of its own, and makes sure that it waits.
    pub(super) async fn begin_receive(&self, wait: Duration) -> CaseResult<JoinHandle<Receive>> {
        let subject = self.clone();
        let receiving = tokio::spawn(async move {
            loop {
                let received = subject.queue.receive(None, wait).await?;
                if received.as_ref().is_none_or(|envelope| subject.case.ledger().is_of_this_run(envelope)) {
                    return Ok(received);
                }
            }
        });
        sleep(LEAD).await;
        match receiving.is_finished() {
            false => Ok(receiving),
            true => Err(format!("receive did not wait for a message: {:?}", receiving.await)),
        }
    }

    /// Receives the next message of this run, which must come.
    pub(super) async fn receive_next(&self) -> CaseResult<Received> {
        let patience = self.case.patience();
        let received = self.next(patience).await?;
        received.ok_or_else(|| format!("no message came within {patience:?}"))
    }

    /// Receives that message, and completes any that comes before it.
    pub(super) async fn receive(&self, sent: &Sent) -> CaseResult<MessageEnvelope> {
        let patience = self.case.patience();
        let deadline = Instant::now() + patience;
        while let Some(received) = self.next(deadline.saturating_duration_since(Instant::now())).await? {
            if received.entry == sent.entry {
                return Ok(received.envelope);
            }
            self.complete(received.envelope).await?;
        }
        Err(format!("'{}' did not arrive within {patience:?}", sent.label))
    }

    /// Receives that message and completes it.
    pub(super) async fn take(&self, sent: &Sent) -> CaseResult<MessageEnvelope> {
        let envelope = self.receive(sent).await?;
        self.complete(envelope.clone()).await?;
        Ok(envelope)
    }

    pub(super) async fn complete(&self, mut envelope: MessageEnvelope) -> CaseResult {
        self.case.ok("complete", self.queue.complete(&mut envelope)).await
    }

    /// Puts a received message back.
    pub(super) async fn abandon(&self, entry: usize, mut envelope: MessageEnvelope) -> CaseResult {
        self.case.ledger().put_back(entry);
        self.case.ok("abandon", self.queue.abandon(&mut envelope)).await
    }

    /// The message at the head, if it is of this run.
    pub(super) async fn peek(&self) -> CaseResult<Option<MessageEnvelope>> {
        let peeked = self.case.ok("peek", self.queue.peek(None)).await?;
        Ok(peeked.filter(|envelope| self.case.ledger().is_of_this_run(envelope)))
    }

    /// The message at the head, once there is one.
    pub(super) async fn peek_waiting(&self) -> CaseResult<MessageEnvelope> {
        let patience = self.case.patience();
        let deadline = Instant::now() + patience;
        loop {
            if let Some(envelope) = self.peek().await? {
                return Ok(envelope);
            }
            ensure!(Instant::now() < deadline, "peek found no message within {patience:?}");
            sleep(POLL).await;
        }
    }

    /// Waits until so many messages are there to be taken, as far as the queue can tell.
    pub(super) async fn wait_for_waiting(&self, count: usize) -> CaseResult {
        let capabilities = self.capabilities();
        if !(capabilities.can_message_count || capabilities.can_peek_batch) {
            sleep(QUIET).await;
            return Ok(());
        }
        let patience = self.case.patience();
        let deadline = Instant::now() + patience;
        loop {
            let waiting = match capabilities.can_message_count {
                true => self.count().await?,
                false => self.case.ok("peek_batch", self.queue.peek_batch(None, count + 1)).await?.len(),
            };
            if waiting == count {
                return Ok(());
            }
            if Instant::now() >= deadline {
                if waiting > count {
                    self.case.ledger().note_surplus();
                }
                return Err(format!("{waiting} messages wait after {patience:?}, and {count} should"));
            }
            sleep(POLL).await;
        }
    }

    /// How many messages wait.
    pub(super) async fn count(&self) -> CaseResult<usize> {
        let count = self.case.ok("read_message_count", self.queue.read_message_count()).await?;
        usize::try_from(count).map_err(|_| format!("read_message_count gave {count}"))
    }

    /// Removes all messages. `entries` are those that must not arrive any more.
    pub(super) async fn clear(&self, entries: &[usize]) -> CaseResult {
        let clear = self.case.fixture().clear().ok_or(
            "can_clear is true, but the suite cannot clear the queue: it has to be an `ICleanable`, and the fixture \
             to say so by `.cleanable::<YourQueue>()`",
        )?;
        entries.iter().for_each(|entry| self.case.ledger().take_away(*entry, "a clear"));
        self.case.ok("clear", clear(&self.made)).await
    }

    /// How a queue clears, in a fixture that tells.
    pub(super) fn clearing(&self) -> Option<impl Future<Output = Result<(), ApplicationError>>> {
        self.case.fixture().clear().map(|clear| clear(&self.made))
    }

    /// The dead letters.
    pub(super) async fn dead_letters(&self) -> CaseResult<Vec<MessageEnvelope>> {
        let read = self.case.fixture().reads_dead_letters().ok_or(
            "can_dead_letter is true, but the suite cannot see the dead letters: the fixture has to read them by \
             `.dead_letters(|queue: Arc<YourQueue>| async move { .. })`",
        )?;
        self.case.ok("the hook dead_letters", read(&self.made)).await
    }

    /// Starts to listen.
    pub(super) async fn begin_listen(&self, receiver: Arc<dyn IMessageReceiver>) -> CaseResult {
        self.case.ok("begin_listen", async { self.queue.clone().begin_listen(None, receiver) }).await
    }

    /// Ends the listening.
    pub(super) async fn end_listen(&self) -> CaseResult {
        self.case.within(PATIENCE, "end_listen", self.queue.end_listen(None)).await
    }

    /// Takes all messages that are still to come.
    pub(super) async fn drain(&self) -> CaseResult {
        self.drain_from(&mut &*self).await
    }

    /// Takes all messages that are still to come from there: each that was acknowledged, one more that is sent
    /// now, and what comes shortly after.
    pub(super) async fn drain_from(&self, arrivals: &mut impl Arrivals) -> CaseResult {
        self.send("last").await?;
        self.gather_from(arrivals).await?;
        let quiet = Instant::now() + QUIET;
        while arrivals.next(quiet.saturating_duration_since(Instant::now())).await?.is_some() {
            // Something that comes again and again comes for ever.
            if quiet <= Instant::now() {
                break;
            }
        }
        Ok(())
    }

    /// Takes messages until each that was acknowledged has arrived.
    pub(super) async fn gather_from(&self, arrivals: &mut impl Arrivals) -> CaseResult {
        let patience = self.case.patience();
        while !self.case.ledger().is_complete(&self.destination) {
            if arrivals.next(patience).await?.is_none() {
                return Err(self.overdue(&self.case.ledger().missing(&self.destination)));
            }
        }
        Ok(())
    }

    /// Takes messages until each of these has arrived, and gives their entries in the order in which they first came.
    pub(super) async fn collect_from(
        &self,
        arrivals: &mut impl Arrivals,
        sent: &[Sent],
    ) -> CaseResult<Vec<usize>> {
        let patience = self.case.patience();
        let mut missing: BTreeSet<_> = sent.iter().map(|sent| sent.entry).collect();
        let mut arrived = Vec::new();
        while !missing.is_empty() {
            let Some(received) = arrivals.next(patience).await? else {
                return Err(self.overdue(&Vec::from_iter(missing)));
            };
            if missing.remove(&received.entry) {
                arrived.push(received.entry);
            }
        }
        Ok(arrived)
    }

    fn overdue(&self, entries: &[usize]) -> String {
        let patience = self.case.patience();
        format!("{} did not arrive within {patience:?}", self.case.ledger().shown(entries))
    }

    /// Makes sure that a message sent now arrives in one copy.
    pub(super) async fn delivers_once(&self) -> CaseResult {
        let sent = self.send("once").await?;
        self.drain().await?;
        self.case.check()?;
        let copies = self.case.ledger().received(sent.entry);
        ensure!(copies == 1, "the message arrived {copies} times");
        Ok(())
    }
}

#[async_trait]
impl Arrivals for &Subject {
    async fn next(&mut self, wait: Duration) -> CaseResult<Option<Received>> {
        let received = Subject::next(self, wait).await?;
        if let Some(received) = &received {
            self.complete(received.envelope.clone()).await?;
        }
        Ok(received)
    }
}

/// Waits for all tasks, and gives the first failure.
pub(super) async fn join(mut tasks: JoinSet<CaseResult>) -> CaseResult {
    while let Some(task) = tasks.join_next().await {
        task.map_err(|error| error.to_string())??;
    }
    Ok(())
}
