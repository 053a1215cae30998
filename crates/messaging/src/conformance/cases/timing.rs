use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::conformance::{
    case::{Case, CaseResult, ensure},
    pace::POLL,
    subject::Subject,
};

/// How often a wait can try to end in time: a slow machine delays some, a slow queue each.
const ATTEMPTS: usize = 5;

/// A receive that waits for 30 seconds returns as soon as the message is there.
pub(in crate::conformance) async fn receive_then_send(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let receiving = subject.begin_receive(Duration::from_secs(30)).await?;
    subject.send("awaited").await?;
    let received = case.within(Duration::from_secs(2), "the waiting receive", receiving).await?;
    let received = received.map_err(|error| error.to_string())?;
    let received = received.map_err(|error| format!("the waiting receive failed: {error:#}"))?;
    let received = received.ok_or("the waiting receive ended without a message")?;
    case.ledger().arrive(subject.destination(), &received)?;
    subject.complete(received).await
}

/// A receive of 300 milliseconds from an empty queue gives `None` after that time.
pub(in crate::conformance) async fn empty_receive_times_out_on_time(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let wait = Duration::from_millis(300);
    empty_receive_ends(&case, &subject, wait, Duration::from_millis(600)).await
}

/// A receive without a wait gives what is there, and nothing at once when nothing is.
pub(in crate::conformance) async fn zero_timeout_receive(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    empty_receive_ends(&case, &subject, Duration::ZERO, Duration::from_millis(200)).await?;
    subject.send("waiting").await?;
    let deadline = Instant::now() + case.patience();
    let received = loop {
        if let Some(received) = subject.next(Duration::ZERO).await? {
            break received;
        }
        ensure!(Instant::now() < deadline, "no receive without a wait gave the message");
        sleep(POLL).await;
    };
    subject.complete(received.envelope).await
}

/// A receive from an empty queue never ends before `wait`, and can end by `limit`.
async fn empty_receive_ends(case: &Case, subject: &Subject, wait: Duration, limit: Duration) -> CaseResult {
    let limit = case.limit(limit);
    let mut fastest = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let start = Instant::now();
        let received = case.ok("receive", subject.queue.receive(None, wait)).await?;
        let elapsed = start.elapsed();
        if received.is_some() {
            // It is somebody else's, as nothing has been sent.
            continue;
        }
        ensure!(elapsed >= wait, "a receive of {wait:?} ended after {elapsed:?}");
        fastest = fastest.min(elapsed);
        if fastest <= limit {
            return Ok(());
        }
    }
    Err(format!(
        "{ATTEMPTS} receives of {wait:?} from an empty queue took {fastest:?} or more, not {limit:?}"
    ))
}
