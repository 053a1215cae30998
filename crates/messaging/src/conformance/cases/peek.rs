use std::{collections::HashSet, sync::Arc};

use tokio::time::{Instant, sleep};

use crate::{
    MessageEnvelope,
    conformance::{
        case::{Case, CaseResult, ensure},
        pace::POLL,
    },
};

/// Peek gives the same head twice, without a lock, and leaves it there, and nothing once all was received.
pub(in crate::conformance) async fn peek_leaves_message(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    subject.peek().await?;
    let first = subject.send("first").await?;
    let head = subject.peek_waiting().await?;
    subject.send("second").await?;
    ensure!(
        head.get_message() == first.envelope.get_message(),
        "peek gave {head} instead of the only message"
    );
    ensure!(head.get_reference().is_none(), "the peeked message has a lock");
    let again = subject.peek_waiting().await?;
    if case.profile().ordered {
        ensure!(again.get_message() == head.get_message(), "the second peek gave {again} instead of {head}");
    }
    subject.drain().await?;
    case.check()?;
    let deadline = Instant::now() + case.patience();
    while let Some(envelope) = subject.peek().await? {
        ensure!(Instant::now() < deadline, "peek still finds {envelope}, although all was received");
        sleep(POLL).await;
    }
    Ok(())
}

/// A batch of any size has as many of the oldest messages as there are, in order, and leaves them there.
pub(in crate::conformance) async fn peek_batch_is_bounded(case: Arc<Case>) -> CaseResult {
    const WAITING: usize = 5;
    let subject = case.open().await?;
    let sent = subject.send_numbered(1..=WAITING).await?;
    subject.wait_for_waiting(WAITING).await?;
    for count in [0, 1, 3, 100] {
        let batch = case.ok("peek_batch", subject.queue.peek_batch(None, count)).await?;
        let (found, expected) = (batch.len(), count.min(WAITING));
        ensure!(found == expected, "peek_batch of {count} gave {found} of {WAITING} messages");
        let payloads: Vec<_> = batch.iter().map(MessageEnvelope::get_message).collect();
        let heads = sent[..expected].iter().map(|sent| sent.envelope.get_message());
        if case.profile().ordered {
            ensure!(payloads.iter().copied().eq(heads), "peek_batch of {count} gave {batch:?}");
        }
        let different = payloads.iter().collect::<HashSet<_>>().len();
        ensure!(different == found, "peek_batch of {count} gave a message twice: {batch:?}");
        let locked = batch.iter().find(|envelope| envelope.get_reference().is_some());
        ensure!(locked.is_none(), "peek_batch of {count} gave a message with a lock: {locked:?}");
    }
    subject.drain().await?;
    case.check()
}
