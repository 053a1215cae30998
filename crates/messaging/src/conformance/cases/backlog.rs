use std::sync::Arc;

use tokio::task::JoinSet;

use crate::conformance::{
    Sharing,
    case::{Case, CaseResult},
    pace::PATIENCE,
    readers::receive_all,
    subject::{Subject, join},
};

use super::senders::back_pressure;

/// How many tasks send at once, to be done with it.
const TASKS: usize = 10;

/// Messages that nobody reads are kept up to the limit of the queue; beyond it, a send fails or a dropped message is
/// counted.
pub(in crate::conformance) async fn slow_consumer_backlog(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let (unread, limit) = (case.count(10_000), case.profile().max_backlog.unwrap_or(usize::MAX));
    let kept = unread.min(limit);
    subject.send_from_tasks(TASKS, kept / TASKS).await?;
    subject.send_numbered(0..kept % TASKS).await?;
    let beyond = if limit <= unread { limit / TASKS + TASKS } else { 0 };
    for number in 0..beyond {
        if let Err(error) = subject.try_send(&format!("{number} beyond the limit")).await? {
            back_pressure(&error)?;
        }
    }
    let dropped = || case.observer().count(&subject.queue.get_name(), "dropped_messages");
    // What is dropped and counted is told; the rest has to arrive.
    while case.ledger().count_missing(subject.destination()) > dropped().min(beyond) {
        let Some(received) = subject.next(case.patience()).await? else {
            let lost = case.ledger().missing(subject.destination());
            let (shown, lost, dropped) = (case.ledger().shown(&lost), lost.len(), dropped());
            return Err(format!(
                "of {kept} unread messages, and {beyond} beyond the limit, {lost} are lost, and \
                 queue.<name>.dropped_messages is {dropped}: {shown}"
            ));
        };
        subject.complete(received.envelope).await?;
    }
    case.excuse_missing(&subject);
    subject.drain().await?;
    case.check()
}

/// A hundred messages whose sends were Ok survive the close right after, and no send that is under way hangs.
pub(in crate::conformance) async fn close_flushes_acked_sends(case: Arc<Case>) -> CaseResult {
    let (subject, other) = (case.open().await?, case.open().await?);
    subject.send_from_tasks(TASKS, case.count(10)).await?;
    subject.close().await?;
    let readers = reopened(&case, &subject, &other).await?;
    receive_all(&case, readers).await.map_err(|problem| format!("a close right after sends: {problem}"))?;

    if !subject.queue.is_open() {
        subject.open().await?;
    }
    let mut sending = JoinSet::new();
    for number in 0..100 {
        let subject = subject.clone();
        sending.spawn(async move {
            // Ok or an error, but it has to end.
            subject.try_send(&format!("{number} during the close")).await.map(|_| ())
        });
    }
    tokio::task::yield_now().await;
    subject.close().await?;
    case.within(PATIENCE * 2, "the sends that were under way at a close", join(sending)).await??;
    let readers = reopened(&case, &subject, &other).await?;
    receive_all(&case, readers).await.map_err(|problem| format!("sends during a close: {problem}"))
}

/// Who can get the messages: the other instance, and where these compete and the messages outlive a close, the queue
/// itself too.
async fn reopened(case: &Case, subject: &Subject, other: &Subject) -> CaseResult<Vec<Subject>> {
    let mut readers = vec![other.clone()];
    if case.profile().sharing == Sharing::Compete && case.profile().durable {
        subject.open().await?;
        readers.push(subject.clone());
    }
    Ok(readers)
}
