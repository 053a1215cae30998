use std::{sync::Arc, time::Duration};

use crate::conformance::{
    case::{Case, CaseResult},
    subject::Subject,
};

/// After 20 reads of the empty queue one send arrives in one copy.
pub(in crate::conformance) async fn repeated_reads_do_not_multiply(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    for _ in 0..20 {
        if subject.capabilities().can_peek {
            subject.peek().await?;
        }
        subject.next(Duration::from_millis(5)).await?;
    }
    subject.delivers_once().await
}

/// Queues with names that start alike, and queues whose topics have the names of one another, get their own
/// messages and no others.
pub(in crate::conformance) async fn queues_are_isolated(case: Arc<Case>) -> CaseResult {
    let named = [case.named("a", None).await?, case.named("ab", None).await?, case.named("a/b", None).await?];
    // Whoever sends by name and receives by topic, or the other way round, meets the other queue.
    let crossed = [case.named("c", Some("d")).await?, case.named("d", Some("c")).await?];
    each_gets_its_own(&case, &named).await?;
    each_gets_its_own(&case, &crossed).await
}

async fn each_gets_its_own(case: &Case, subjects: &[Subject]) -> CaseResult {
    for subject in subjects {
        subject.open().await?;
    }
    for subject in subjects {
        for number in 1..=2 {
            subject.send(&format!("{number} of {}", subject.destination())).await?;
        }
    }
    for subject in subjects {
        subject.drain().await?;
    }
    // What was sent to one may have come to another that was drained before.
    for subject in subjects {
        while let Some(received) = subject.next(Duration::ZERO).await? {
            subject.complete(received.envelope).await?;
        }
    }
    case.check()
}
