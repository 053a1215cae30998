use std::sync::Arc;

use tokio::time::{Instant, sleep};

use crate::conformance::{
    case::{Case, CaseResult, ensure},
    pace::{PATIENCE, POLL},
};

/// Peek gives nothing from an empty queue; then the same head twice, without a lock, and leaves it there.
pub(in crate::conformance) async fn peek_leaves_message(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    ensure!(subject.peek().await?.is_none(), "peek found a message in the empty queue");
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
    let deadline = Instant::now() + case.pace().limit(PATIENCE);
    while let Some(envelope) = subject.peek().await? {
        ensure!(Instant::now() < deadline, "peek still finds {envelope}, although all was received");
        sleep(POLL).await;
    }
    Ok(())
}
