use std::sync::Arc;

use crate::conformance::{
    case::{Case, CaseResult, ensure},
    collector::collector,
    pace::PATIENCE,
};

/// Clear leaves nothing, be it waiting or received and not settled; settling what was cleared revives nothing, and
/// later sends arrive.
pub(in crate::conformance) async fn clear_empties_all(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let capabilities = subject.capabilities();
    let sent = subject.send_numbered(1..=5).await?;
    subject.wait_for_waiting(5).await?;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(subject.receive_next().await?.envelope);
    }
    subject.clear(&sent.iter().map(|sent| sent.entry).collect::<Vec<_>>()).await?;

    if capabilities.can_message_count {
        let count = subject.count().await?;
        ensure!(count == 0, "{count} messages wait after clear");
    }
    if capabilities.can_peek {
        let peeked = subject.peek().await?;
        ensure!(peeked.is_none(), "peek finds {peeked:?} after clear");
    }
    for envelope in &mut held {
        // It may be refused, as the messages are gone.
        if capabilities.can_abandon {
            let mut copy = envelope.clone();
            let abandoning = subject.queue.abandon(&mut copy);
            let _ = case.within(PATIENCE, "abandon of a cleared message", abandoning).await?;
        }
        let completing = subject.queue.complete(envelope);
        let _ = case.within(PATIENCE, "complete of a cleared message", completing).await?;
    }
    subject.drain().await?;
    case.check()
}

/// Clear neither stops a listener nor brings back one that was ended.
pub(in crate::conformance) async fn clear_does_not_touch_listener(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let (receiver, mut collected) = collector(&case, &subject, |_| Ok(()));
    subject.begin_listen(receiver).await?;
    subject.clear(&[]).await?;
    let sent = subject.send("to the listener").await?;
    // Not by the ledger: it has the message before the receiver has passed it on.
    subject
        .collect_from(&mut collected, &[sent])
        .await
        .map_err(|problem| format!("clear stopped the listener: {problem}"))?;

    subject.end_listen().await?;
    subject.clear(&[]).await?;
    let sent = subject.send_numbered(1..=5).await?;
    collected
        .gets_nothing()
        .await
        .map_err(|problem| format!("clear brought the listener back: {problem}"))?;
    subject.collect_from(&mut &subject, &sent).await?;
    case.check()
}
