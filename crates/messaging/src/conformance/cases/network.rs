use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::conformance::{
    Delivery,
    case::{Case, CaseResult, ensure},
    collector::keep_receiving,
    pace::PROMPT,
    subject::join,
};

/// How long the network is cut.
const CUT: Duration = Duration::from_secs(1);
/// How long a send or a close may take that the broker does not answer.
const UNANSWERED: Duration = Duration::from_secs(15);

/// While the network is cut, a send waits or fails: none is Ok whose message is lost.
pub(in crate::conformance) async fn network_cut_never_lies(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let mut received = keep_receiving(&subject);
    subject.send("before the cut").await?;
    subject.gather_from(&mut received).await?;
    case.cut().await?;
    let mut sending = JoinSet::new();
    for number in 1..=10 {
        let subject = subject.clone();
        sending.spawn(async move {
            // Ok or an error, but not Ok and lost.
            subject.try_send(&format!("{number} during the cut")).await.map(|_| ())
        });
    }
    sleep(CUT).await;
    case.heal().await?;
    case.within(UNANSWERED, "the sends during the cut", join(sending)).await??;
    if case.profile().delivery == Delivery::AtMostOnce {
        case.excuse_missing(&subject);
    }
    subject.recovers(&case, "after the cut", &mut received).await?;
    subject.drain_from(&mut received).await?;
    case.check()
}

/// While the broker does not answer, a receive ends at its timeout, and send and close end too; afterwards the queue
/// works again.
pub(in crate::conformance) async fn stalled_broker_honours_timeouts(case: Arc<Case>) -> CaseResult {
    let wait = Duration::from_secs(1);
    let subject = case.open().await?;
    let sent = subject.send("before").await?;
    subject.take(&sent).await?;
    case.stall().await?;
    let start = Instant::now();
    let receiving = subject.queue.receive(None, wait);
    let received =
        case.within(wait + PROMPT, "a receive of one second from a broker that hangs", receiving).await?;
    ensure!(
        received.is_err() || start.elapsed() >= wait,
        "a receive of {wait:?} ended after {:?}",
        start.elapsed()
    );
    let sending = subject.try_send("during the stall");
    let sent = case.within(UNANSWERED, "a send to a broker that hangs", sending).await??;
    if let Ok(sent) = sent {
        // The close may lose it.
        case.ledger().excuse(sent.entry);
    }
    let closing = subject.queue.close(None);
    let closed = case.within(UNANSWERED, "close while the broker hangs", closing).await?;
    closed.map_err(|error| format!("close failed while the broker hung: {error:#}"))?;
    case.resume().await?;
    subject.open().await?;
    let mut received = keep_receiving(&subject);
    subject.recovers(&case, "after the stall", &mut received).await?;
    case.check()
}
