use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use crate::conformance::{
    Sharing,
    case::{Case, CaseResult, ensure},
    lock_time::{InTime, with_locks},
    pace::{PATIENCE, QUIET},
    subject::{Received, Subject},
};

/// A received message is hidden from everybody until its lock expires.
pub(in crate::conformance) async fn received_message_is_invisible(case: Arc<Case>) -> CaseResult {
    let (subject, other) = (case.open().await?, case.open().await?);
    let start = Instant::now();
    subject.send("only").await?;
    let received = subject.receive_next().await?;
    let others: &[_] = match case.profile().sharing {
        Sharing::Compete => &[&subject, &other],
        Sharing::FanOut => &[&subject],
    };
    for reader in others {
        let again = reader.next(QUIET).await?;
        let early = start.elapsed() < case.profile().lock_time;
        ensure!(again.is_none() || !early, "a second receive gave the message that the first one holds");
    }
    if subject.capabilities().can_peek {
        let peeked = subject.peek().await?;
        let early = start.elapsed() < case.profile().lock_time;
        ensure!(peeked.is_none() || !early, "peek shows the message that a receive holds");
    }
    subject.complete(received.envelope).await?;
    subject.drain().await?;
    case.check()
}

/// A message comes back when its lock has expired, once, and its former holder cannot settle it any more.
pub(in crate::conformance) async fn lock_expiry_redelivers(case: Arc<Case>) -> CaseResult {
    with_locks(case, expire).await
}

fn expire(case: Arc<Case>, lock_time: Duration) -> BoxFuture<'static, CaseResult<InTime>> {
    Box::pin(async move {
        let subject = case.open_with_locks_of(lock_time).await?;
        subject.send("only").await?;
        let start = Instant::now();
        let former = subject.receive_next().await?;
        case.ledger().put_back(former.entry);
        let came_back = subject.next(lock_time + case.patience()).await?;
        ensure!(
            start.elapsed() >= lock_time,
            "the message came back after {:?}, before its lock of {lock_time:?} expired",
            start.elapsed()
        );
        let holder = came_back.ok_or("the message did not come back after its lock had expired")?;
        let held = Instant::now();

        settle_as_former_holder(&case, &subject, &former).await?;
        let third = subject.next(QUIET.min(lock_time / 4)).await?;
        if held.elapsed() >= lock_time {
            return Ok(InTime::No);
        }
        ensure!(third.is_none(), "the message came twice, or its former holder put it back");
        // It is still there, although its former holder completed it.
        if subject.capabilities().can_abandon {
            subject.abandon(holder.entry, holder.envelope).await?;
        } else {
            case.ledger().put_back(holder.entry);
        }
        let last = subject.next(lock_time + case.patience()).await?;
        let last = last.ok_or("the message is gone: its former holder could settle it")?;
        subject.complete(last.envelope).await?;
        subject.drain().await?;
        case.check()?;
        Ok(InTime::Yes)
    })
}

/// Whatever that gives, it must have no effect.
async fn settle_as_former_holder(case: &Case, subject: &Subject, former: &Received) -> CaseResult {
    let (mut completed, mut abandoned) = (former.envelope.clone(), former.envelope.clone());
    let completing = subject.queue.complete(&mut completed);
    let _ = case.within(PATIENCE, "complete by a former holder", completing).await?;
    if subject.capabilities().can_abandon {
        let abandoning = subject.queue.abandon(&mut abandoned);
        let _ = case.within(PATIENCE, "abandon by a former holder", abandoning).await?;
    }
    Ok(())
}

/// A renewed lock lasts for the given time from the renewal, and one that is lost cannot be renewed.
pub(in crate::conformance) async fn renew_lock_extends(case: Arc<Case>) -> CaseResult {
    with_locks(case, renew).await
}

fn renew(case: Arc<Case>, lock_time: Duration) -> BoxFuture<'static, CaseResult<InTime>> {
    Box::pin(async move {
        let subject = case.open_with_locks_of(lock_time).await?;
        subject.send("only").await?;
        let start = Instant::now();
        let former = subject.receive_next().await?;
        sleep_until(start + lock_time * 3 / 4).await;
        let (renewed, given) = (Instant::now(), lock_time * 3 / 2);
        let renewing = subject.queue.renew_lock(&former.envelope, given);
        let renewal = case.within(PATIENCE, "renew_lock", renewing).await?;
        if start.elapsed() >= lock_time {
            return Ok(InTime::No);
        }
        renewal.map_err(|error| format!("renew_lock failed: {error:#}"))?;

        case.ledger().put_back(former.entry);
        let holder = subject.next(given + case.patience()).await?;
        let after = renewed.elapsed();
        ensure!(after >= given, "the message came back {after:?} after its lock was renewed for {given:?}");
        let holder = holder.ok_or("the message did not come back after its renewed lock had expired")?;
        let held = Instant::now();

        let renewing = subject.queue.renew_lock(&former.envelope, given);
        let renewal = case.within(PATIENCE, "renew_lock by a former holder", renewing).await?;
        ensure!(renewal.is_err(), "renew_lock was Ok although another holds the message");
        let mut envelope = holder.envelope;
        let completing = subject.queue.complete(&mut envelope);
        let completion = case.within(PATIENCE, "complete", completing).await?;
        if held.elapsed() >= lock_time {
            return Ok(InTime::No);
        }
        completion.map_err(|error| format!("complete failed after a former holder's renewal: {error:#}"))?;
        subject.drain().await?;
        case.check()?;
        Ok(InTime::Yes)
    })
}
