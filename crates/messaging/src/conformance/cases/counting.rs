use std::sync::Arc;

use crate::conformance::case::{Case, CaseResult};

/// The count is that of the messages that wait: a received one does not count, an abandoned one does again, and
/// completing changes nothing.
pub(in crate::conformance) async fn message_count_tracks(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    subject.wait_for_waiting(0).await.map_err(told("before the first send"))?;
    subject.send_numbered(1..=5).await?;
    subject.wait_for_waiting(5).await.map_err(told("after five sends"))?;
    let mut received = subject.receive_next().await?;
    subject.wait_for_waiting(4).await.map_err(told("after a receive"))?;
    if subject.capabilities().can_abandon {
        subject.abandon(received.entry, received.envelope).await?;
        subject.wait_for_waiting(5).await.map_err(told("after it was abandoned"))?;
        received = subject.receive_next().await?;
        subject.wait_for_waiting(4).await.map_err(told("after another receive"))?;
    }
    subject.complete(received.envelope).await?;
    subject.wait_for_waiting(4).await.map_err(told("after it was completed"))?;
    subject.drain().await?;
    subject.wait_for_waiting(0).await.map_err(told("after all were received"))?;
    case.check()
}

fn told(when: &str) -> impl Fn(String) -> String {
    move |problem| format!("{when}: {problem}")
}
