use std::sync::Arc;

use crate::conformance::{
    case::{Case, CaseResult},
    collector::collector,
};

/// After `end_listen` nothing is handled any more, and what is sent can be received.
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
    case.check()
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
