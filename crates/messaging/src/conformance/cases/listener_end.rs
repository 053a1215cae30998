use std::{future::pending, sync::Arc};

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;
use tokio::sync::Notify;

use crate::{
    IMessageQueue, IMessageReceiver, MessageEnvelope,
    conformance::{
        case::{Case, CaseResult},
        collector::collector,
    },
};

/// After `end_listen` nothing is handled any more, and what is sent can be received. A `listen` that is dropped while
/// it handles a message gives it back.
pub(in crate::conformance) async fn end_listen_stops(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let (receiver, mut collected) = collector(&case, &subject, |_| Ok(()));
    subject.begin_listen(receiver).await?;
    let before = subject.send("before the end").await?;
    subject.collect_from(&mut collected, &[before]).await?;
    subject.end_listen().await?;
    let after = subject.send_numbered(1..=5).await?;
    collected.gets_nothing().await.map_err(after_the_end)?;
    subject.collect_from(&mut &subject, &after).await?;
    // A second end has nothing to do.
    subject.end_listen().await?;
    cut_off(&case).await?;
    case.check()
}

/// Drops a `listen` while it handles a message.
async fn cut_off(case: &Arc<Case>) -> CaseResult {
    // A queue that cannot give it back at once does so when its lock expires.
    let lock_time = case.lock_time();
    let subject = case.open_with_locks_of(lock_time).await?;
    let sent = subject.send("to a listen that is dropped").await?;
    let begun = Arc::new(Notify::new());
    let receiver = Arc::new(Hangs { case: case.clone(), begun: begun.clone() });
    let begins = async {
        tokio::select! {
            () = begun.notified() => Ok(()),
            ended = subject.queue.listen(None, receiver) => Err(format!("listen ended by itself: {ended:?}")),
        }
    };
    case.within(case.patience(), "the wait for a handling", begins).await??;
    let lost = "the message whose handling was cut off by the drop of listen did not come back";
    let back = subject.next(lock_time + case.patience()).await?.ok_or(lost)?;
    if back.entry != sent.entry {
        return Err(lost.into());
    }
    subject.complete(back.envelope).await
}

/// Never ends to handle a message.
struct Hangs {
    case: Arc<Case>,
    begun: Arc<Notify>,
}

#[async_trait]
impl IMessageReceiver for Hangs {
    async fn receive_message(
        &self,
        envelope: MessageEnvelope,
        _queue: &dyn IMessageQueue,
    ) -> Result<(), ApplicationError> {
        if self.case.ledger().is_of_this_run(&envelope) {
            self.begun.notify_one();
            pending().await
        }
        Ok(())
    }
}

/// An `end_listen` right after `begin_listen` ends it, a hundred times.
pub(in crate::conformance) async fn end_listen_wins_race(case: Arc<Case>) -> CaseResult {
    const ROUNDS: usize = 100;
    let subject = case.open().await?;
    let (receiver, mut collected) = collector(&case, &subject, |_| Ok(()));
    for round in 1..=ROUNDS {
        subject.begin_listen(receiver.clone()).await?;
        subject.end_listen().await?;
        let sent = subject.send(&format!("after end {round}")).await?;
        // Before it begins again, when it might handle what is left.
        let taken = subject.take(&sent).await;
        taken.map_err(|problem| after_the_end(format!("it was not left to a receive: {problem}")))?;
    }
    drop(receiver);
    // One that begins late would listen now.
    collected.gets_nothing().await.map_err(after_the_end)?;
    let sent = subject.send_numbered(1..=5).await?;
    collected.gets_nothing().await.map_err(after_the_end)?;
    subject.collect_from(&mut &subject, &sent).await?;
    case.check()
}

/// After a listener was ended, only the next one gets messages.
pub(in crate::conformance) async fn relisten_after_end(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let (former, mut of_former) = collector(&case, &subject, |_| Ok(()));
    let (next, mut of_next) = collector(&case, &subject, |_| Ok(()));
    subject.begin_listen(former).await?;
    let first = subject.send("to the first listener").await?;
    subject.collect_from(&mut of_former, &[first]).await?;
    subject.end_listen().await?;
    subject.begin_listen(next).await?;
    let sent = subject.send_numbered(1..=10).await?;
    subject
        .collect_from(&mut of_next, &sent)
        .await
        .map_err(|problem| format!("the next listener: {problem}"))?;
    of_former.gets_nothing().await.map_err(after_the_end)?;
    case.check()
}

fn after_the_end(problem: String) -> String {
    format!("after end_listen: {problem}")
}
