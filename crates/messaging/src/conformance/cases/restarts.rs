use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use crate::conformance::{
    case::{Case, CaseResult},
    collector::{collector, keep_receiving},
    pace::{POLL, WATCHDOG},
    recovery::may_lose,
    subject::join,
};

/// How long a sender waits before its next message.
const PACE: Duration = Duration::from_millis(2);

/// After a restart of the broker, and after lost connections, a receive that waits and a listener both get messages
/// again, one copy each.
pub(in crate::conformance) async fn restart_resumes_delivery(case: Arc<Case>) -> CaseResult {
    let (receives, listens) = (case.open_named("receives").await?, case.open_named("listens").await?);
    let (receiver, mut handled) = collector(&case, &listens, |_| Ok(()));
    listens.begin_listen(receiver).await?;
    for subject in [&receives, &listens] {
        subject.send("before").await?;
    }
    let mut received = keep_receiving(&receives);
    receives.gather_from(&mut received).await?;
    listens.gather_from(&mut handled).await?;

    for fault in ["after a restart", "after lost connections"] {
        if fault == "after a restart" {
            case.restart_broker().await?;
        } else if !case.kick_client().await? {
            break;
        }
        receives.recovers(&case, &format!("receive {fault}"), &mut received).await?;
        listens.recovers(&case, &format!("listener {fault}"), &mut handled).await?;
    }
    receives.drain_from(&mut received).await?;
    listens.drain_from(&mut handled).await?;
    case.check()
}

/// Restarts after a third and two thirds of the messages of several senders lose none of them where the queue is
/// durable; elsewhere delivery resumes and nothing is invented.
pub(in crate::conformance) async fn restart_under_load_loses_nothing(case: Arc<Case>) -> CaseResult {
    const SENDERS: usize = 4;
    let (subject, each) = (case.open().await?, case.count(100));
    let mut received = keep_receiving(&subject);
    let attempted = Arc::new(AtomicUsize::new(0));
    let mut sending = JoinSet::new();
    for sender in 0..SENDERS {
        let (subject, attempted) = (subject.clone(), attempted.clone());
        sending.spawn(async move {
            for number in 0..each {
                let sent = subject.try_send(&format!("{number} of sender {sender}")).await?;
                attempted.fetch_add(1, Ordering::AcqRel);
                // So that the load lasts for as long as the restarts take.
                sleep(if sent.is_ok() { PACE } else { POLL * 4 }).await;
            }
            Ok(())
        });
    }
    for part in [1, 2] {
        let due = SENDERS * each * part / 3;
        let waiting = async {
            while attempted.load(Ordering::Acquire) < due {
                sleep(PACE).await;
            }
        };
        case.within(WATCHDOG, "the sending before a restart", waiting).await?;
        case.restart_broker().await?;
    }
    join(sending).await?;
    subject.recovers(&case, "after the restarts", &mut received).await?;
    if may_lose(&case) {
        case.excuse_missing(&subject);
    }
    subject.drain_from(&mut received).await?;
    case.check()
}
