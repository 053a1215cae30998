use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::conformance::{
    Content,
    case::{Case, CaseResult, ensure},
    compare::{same_fields, same_payload},
    lock_time::{InTime, with_locks},
    pace::{PATIENCE, QUIET},
    settlement::Settlement,
    subject::Subject,
};

/// A completed message has no lock any more and does not come back, not even after the time of its lock.
pub(in crate::conformance) async fn complete_is_final(case: Arc<Case>) -> CaseResult {
    with_locks(case, complete).await
}

fn complete(case: Arc<Case>, lock_time: Duration) -> BoxFuture<'static, CaseResult<InTime>> {
    Box::pin(async move {
        let subject = case.open_with_locks_of(lock_time).await?;
        settle_for_good(&case, &subject, lock_time, Settlement::Complete).await
    })
}

/// A dead letter has no lock any more, does not come back, and is among the dead letters.
pub(in crate::conformance) async fn dead_letter_is_final(case: Arc<Case>) -> CaseResult {
    with_locks(case, dead_letter).await
}

fn dead_letter(case: Arc<Case>, lock_time: Duration) -> BoxFuture<'static, CaseResult<InTime>> {
    Box::pin(async move {
        let subject = case.open_with_locks_of(lock_time).await?;
        let settled = settle_for_good(&case, &subject, lock_time, Settlement::DeadLetter).await?;
        let dead = subject.dead_letters().await?;
        let ours = dead.iter().filter(|envelope| case.ledger().is_of_this_run(envelope)).count();
        if let InTime::Yes = settled {
            ensure!(ours == 1, "{ours} dead letters are there instead of one: {dead:?}");
        }
        Ok(settled)
    })
}

async fn settle_for_good(
    case: &Case,
    subject: &Subject,
    lock_time: Duration,
    settlement: Settlement,
) -> CaseResult<InTime> {
    let capabilities = subject.capabilities();
    let locks = capabilities.can_abandon || capabilities.can_renew_lock;
    let sent = subject.send("only").await?;
    let start = Instant::now();
    let mut received = subject.receive_next().await?;
    let settled = settlement.settle(case, subject, &mut received.envelope).await?;
    if locks && start.elapsed() >= lock_time {
        return Ok(InTime::No);
    }
    settled.map_err(|error| format!("{settlement:?} failed: {error:#}"))?;
    ensure!(
        received.envelope.get_reference().is_none(),
        "the envelope has still a lock after {settlement:?}"
    );

    case.ledger().take_away(sent.entry, settlement.told());
    let wait = if locks { lock_time + QUIET } else { QUIET };
    // What comes now is an error by itself.
    subject.next(wait).await?;
    subject.drain().await?;
    case.check()?;
    Ok(InTime::Yes)
}

/// An abandoned message comes again as it was, any number of times, and never in two copies.
pub(in crate::conformance) async fn abandon_redelivers(case: Arc<Case>) -> CaseResult {
    const ROUNDS: usize = 20;
    let subject = case.open().await?;
    let sent = subject.send("only").await?;
    let mut sent_time = None;
    for round in 0..=ROUNDS {
        let what = match round {
            0 => "received".to_owned(),
            round => format!("abandoned {round} times"),
        };
        let next = subject.receive_next().await.map_err(|problem| format!("{what}: {problem}"))?;
        let envelope = next.envelope;
        same_payload(&what, &envelope, &sent)?;
        if case.profile().content == Content::Envelope {
            same_fields(&what, &envelope, &sent)?;
            let first = *sent_time.get_or_insert(envelope.sent_time);
            let now = envelope.sent_time;
            ensure!(now == first, "{what}: the message was sent at {now:?} instead of {first:?}");
        }
        if round < ROUNDS {
            subject.abandon(sent.entry, envelope).await?;
        } else {
            subject.complete(envelope).await?;
        }
    }
    subject.drain().await?;
    case.check()
}

/// After a message was settled, settling it again in any way neither doubles it nor brings it back nor takes it.
pub(in crate::conformance) async fn settle_twice_is_harmless(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let settlements = Settlement::of(&subject.capabilities());
    for &first in &settlements {
        for &second in &settlements {
            let told = |problem| format!("{first:?}, then {second:?}: {problem}");
            twice(&case, &subject, first, second).await.map_err(told)?;
        }
    }
    subject.drain().await?;
    case.check()
}

async fn twice(case: &Case, subject: &Subject, first: Settlement, second: Settlement) -> CaseResult {
    let sent = subject.send(&format!("{first:?} {second:?}")).await?;
    let received = subject.receive_next().await?;
    let mut copies = [received.envelope.clone(), received.envelope];
    match first {
        Settlement::Abandon => case.ledger().put_back(sent.entry),
        settled => case.ledger().take_away(sent.entry, settled.told()),
    }
    let settled = first.settle(case, subject, &mut copies[0]).await?;
    settled.map_err(|error| format!("{first:?} failed: {error:#}"))?;
    // What this gives is the queue's choice, but it has nothing to settle any more.
    let _ = second.settle(case, subject, &mut copies[1]).await?;
    if let Settlement::Abandon = first {
        subject.take(&sent).await?;
    }
    Ok(())
}

/// To settle an envelope that was never received, or was received from another queue, has no effect.
pub(in crate::conformance) async fn foreign_envelope_is_ignored(case: Arc<Case>) -> CaseResult {
    let (one, other) = (case.open_named("one").await?, case.open_named("other").await?);
    let capabilities = one.capabilities();
    // Queues that number their locks give these two the same number.
    one.send("of one").await?;
    other.send("of the other").await?;
    let (held, foreign) = (one.receive_next().await?, other.receive_next().await?);
    for stranger in [&foreign.envelope, &case.envelope("never received")] {
        for settlement in Settlement::of(&capabilities) {
            let _ = settlement.settle(&case, &one, &mut stranger.clone()).await?;
        }
        if capabilities.can_renew_lock {
            let renewing = one.queue.renew_lock(stranger, Duration::ZERO);
            let _ = case.within(PATIENCE, "renew_lock of a foreign envelope", renewing).await?;
        }
    }
    for (subject, held) in [(&one, held), (&other, foreign)] {
        if capabilities.can_abandon {
            // It can be put back, so it was neither completed nor put back by others.
            subject.abandon(held.entry, held.envelope).await?;
        } else {
            subject.complete(held.envelope).await?;
        }
        subject.drain().await?;
    }
    case.check()
}
