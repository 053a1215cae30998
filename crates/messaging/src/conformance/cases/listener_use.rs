use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use pip_services_commons::errors::ApplicationError;
use tokio::sync::{mpsc, watch};

use crate::{
    IMessageQueue, MessageEnvelope,
    conformance::{
        case::{Case, CaseResult, ensure},
        collector::{collector, handler},
        pace::PATIENCE,
        subject::Received,
    },
};

/// The receiver sends, peeks, completes, ends the listening and closes the queue, which all ends in time.
pub(in crate::conformance) async fn receiver_may_use_queue(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let can_peek = subject.capabilities().can_peek;
    let (ended, mut ends) = mpsc::unbounded_channel();
    let (onward, used) = (case.envelope("sent by the receiver"), Arc::new(AtomicBool::new(false)));
    case.ledger().attempt(subject.destination(), "sent by the receiver", &onward);
    let (receiver, _collected) = handler(&case, &subject, move |received, queue| {
        let (ended, onward, used) = (ended.clone(), onward.clone(), used.clone());
        Box::pin(async move {
            // What it sends may come to it before it ends the listening.
            if !used.swap(true, Ordering::AcqRel) {
                let _ = ended.send(use_all(received, queue, can_peek, onward).await);
            }
            Ok(())
        })
    });
    subject.begin_listen(receiver).await?;
    subject.send("to be handled").await?;
    let end = case.within(PATIENCE, "the receiver's use of the queue", ends.recv()).await?;
    let (step, used) = end.ok_or("the queue dropped the receiver while it was handling")?;
    used.map_err(|error| format!("{step} failed in the receiver: {error:#}"))?;
    ensure!(!subject.queue.is_open(), "the queue is open after close in the receiver");

    subject.open().await?;
    let sent = subject.send("afterwards").await?;
    subject.take(&sent).await?;
    Ok(())
}

/// Uses the queue in every way, and tells at which step that ended.
async fn use_all(
    received: Received,
    queue: &dyn IMessageQueue,
    can_peek: bool,
    onward: MessageEnvelope,
) -> (&'static str, Result<(), ApplicationError>) {
    let Received { mut envelope, .. } = received;
    if let Err(failed) = queue.send(None, onward).await {
        return ("send", Err(failed.into()));
    }
    if can_peek && let Err(error) = queue.peek(None).await {
        return ("peek", Err(error));
    }
    if let Err(error) = queue.complete(&mut envelope).await {
        return ("complete", Err(error));
    }
    queue.end_listen(None).await;
    ("close", queue.close(None).await)
}

/// While the receiver of one queue handles a message, another queue delivers, and the first one sends.
pub(in crate::conformance) async fn slow_receiver_blocks_nobody_else(case: Arc<Case>) -> CaseResult {
    let (slow, other) = (case.open_named("slow").await?, case.open_named("other").await?);
    let (go_on, gate) = watch::channel(false);
    let (receiver, mut handled) = handler(&case, &slow, move |_, _| {
        let mut gate = gate.clone();
        Box::pin(async move {
            // An error is that the case has ended.
            let _ = gate.wait_for(|open| *open).await;
            Ok(())
        })
    });
    slow.begin_listen(receiver).await?;
    let first = slow.send("kept busy").await?;
    slow.collect_from(&mut handled, &[first]).await?;

    let (receiver, mut of_other) = collector(&case, &other, |_| Ok(()));
    other.begin_listen(receiver).await?;
    let told = |problem| format!("while a receiver of another queue is busy: {problem}");
    let sent = other.send_numbered(1..=5).await.map_err(told)?;
    other.collect_from(&mut of_other, &sent).await.map_err(told)?;
    let told = |problem| format!("while its receiver is busy: {problem}");
    slow.send_numbered(1..=5).await.map_err(told)?;
    go_on.send_replace(true);
    slow.drain_from(&mut handled).await?;
    case.check()
}

/// A second listener is refused or takes the place of the first; no message is handled by both.
pub(in crate::conformance) async fn second_listener_is_defined(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let (first, mut collected) = collector(&case, &subject, |_| Ok(()));
    let (second, mut of_second) = collector(&case, &subject, |_| Ok(()));
    subject.begin_listen(first).await?;
    let beginning = async { subject.queue.clone().begin_listen(None, second) };
    if case.within(PATIENCE, "the second begin_listen", beginning).await?.is_ok() {
        std::mem::swap(&mut collected, &mut of_second);
    }
    let sent = subject.send_numbered(1..=5).await?;
    subject.collect_from(&mut collected, &sent).await?;
    of_second.gets_nothing().await.map_err(|problem| format!("both listeners are active: {problem}"))?;
    subject.drain_from(&mut collected).await?;
    case.check()
}
