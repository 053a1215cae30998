use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use crate::conformance::{
    case::{Case, CaseResult, ensure},
    collector::{collector, handler},
    pace::{PATIENCE, PROMPT, QUIET},
};

/// Five times opened and closed, the queue works each time. What was left unread comes again only where the queue
/// is durable.
pub(in crate::conformance) async fn reopen_starts_clean(case: Arc<Case>) -> CaseResult {
    let subject = case.unopened().await?;
    for cycle in 1..=5 {
        subject.open().await?;
        let sent = subject.send(&format!("cycle {cycle}")).await?;
        subject.take(&sent).await?;
        let left = subject.send(&format!("left in cycle {cycle}")).await?;
        subject.close().await?;
        match case.profile().durable {
            // Where the queue had taken it from its broker, it may be lost.
            true => case.ledger().excuse(left.entry),
            false => case.ledger().take_away(left.entry, "the close of a queue that is not durable"),
        }
    }
    subject.open().await?;
    subject.drain().await?;
    case.check()
}

/// A receive that waits ends within a second of close, with `None` or `NOT_OPENED`.
pub(in crate::conformance) async fn close_wakes_pending_receive(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let receiving = subject.begin_receive(Duration::from_secs(10)).await?;
    subject.close().await?;
    let received = case.within(PROMPT, "the waiting receive", receiving).await?;
    match received.map_err(|error| error.to_string())? {
        Ok(None) => Ok(()),
        Err(error) if error.code() == "NOT_OPENED" => Ok(()),
        other => Err(format!("the waiting receive ended with {other:?}")),
    }
}

/// After close no handling starts, also not when the queue is opened again; one that runs is finished.
pub(in crate::conformance) async fn close_stops_listener(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let (finished, mut finishes) = mpsc::unbounded_channel();
    let started = Arc::new(AtomicUsize::new(0));
    let (go_on, gate) = watch::channel(false);
    let (receiver, _collected) = handler(&case, &subject, {
        let started = started.clone();
        move |_, _| {
            started.fetch_add(1, Ordering::AcqRel);
            let (finished, mut gate) = (finished.clone(), gate.clone());
            Box::pin(async move {
                // An error is that the case has ended.
                let _ = gate.wait_for(|open| *open).await;
                sleep(QUIET).await;
                let _ = finished.send(());
                Ok(())
            })
        }
    });
    subject.begin_listen(receiver).await?;
    let mut sent = subject.send_numbered([1]).await?;
    let waiting = async {
        while started.load(Ordering::Acquire) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    case.within(PATIENCE, "the wait for the receiver", waiting).await?;
    sent.extend(subject.send_numbered(2..=5).await?);
    // The close finds it running, and has to wait for it or to let it go on.
    go_on.send_replace(true);
    subject.close().await?;
    let started_by_then = started.load(Ordering::Acquire);
    for _ in 0..started_by_then {
        let finish = case.within(PATIENCE, "the handling that ran at close", finishes.recv()).await?;
        finish.ok_or("the handling that ran at close was given up")?;
    }
    sent.iter().for_each(|sent| case.ledger().excuse(sent.entry));

    subject.open().await?;
    let later = subject.send_numbered(6..=8).await?;
    sleep(QUIET).await;
    let started_later = started.load(Ordering::Acquire) - started_by_then;
    ensure!(started_later == 0, "{started_later} handlings started after close");
    subject.collect_from(&mut &subject, &later).await?;
    Ok(())
}

/// A queue that is dropped while it listens lets go of its receiver, and a new instance works.
pub(in crate::conformance) async fn drop_without_close_is_clean(case: Arc<Case>) -> CaseResult {
    let dropped = case.open().await?;
    let capabilities = dropped.capabilities();
    if !capabilities.can_receive {
        case.forget(dropped);
        return case.open().await.map(|_| ());
    }
    let (receiver, mut collected) = collector(&case, &dropped, |_| Ok(()));
    dropped.begin_listen(receiver).await?;
    if capabilities.can_send {
        let sent = dropped.send("before the drop").await?;
        dropped.collect_from(&mut collected, &[sent]).await?;
    }
    case.forget(dropped);
    let patience = case.patience();
    collected
        .is_dropped(patience)
        .await
        .map_err(|problem| format!("after the queue was dropped while it listened: {problem}"))?;
    let next = case.open().await?;
    if capabilities.can_send {
        let sent = next.send("after the drop").await?;
        next.take(&sent).await?;
    }
    Ok(())
}
