use std::sync::Arc;

use crate::conformance::case::{Case, CaseResult};

/// What was sent while the queue was closed arrives when it is opened again, where it is durable, and never elsewhere.
pub(in crate::conformance) async fn offline_messages_wait(case: Arc<Case>) -> CaseResult {
    const MESSAGES: usize = 20;
    let (subject, sender) = (case.open().await?, case.open().await?);
    let sent = subject.send("while open").await?;
    subject.take(&sent).await?;
    subject.close().await?;
    let sent = sender.send_numbered(1..=MESSAGES).await?;
    if !case.profile().durable {
        let why = "it was sent while a queue was closed that is not durable";
        sent.iter().for_each(|sent| case.ledger().take_away(sent.entry, why));
    }
    subject.open().await?;
    subject.drain().await?;
    case.check()
}
