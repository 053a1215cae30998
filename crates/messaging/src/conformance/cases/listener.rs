use std::{
    collections::HashSet,
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use pip_services_commons::errors::ApplicationError;
use tokio::{sync::mpsc, time::Instant};

use crate::{
    CallbackMessageReceiver, IMessageReceiver,
    conformance::{
        case::{Case, CaseResult, ensure},
        collector::{Collected, collector},
        pace::PATIENCE,
        subject::{Arrivals, Sent, Subject},
    },
};

/// A message comes to the receiver, with a queue that can complete it.
pub(in crate::conformance) async fn listener_receives(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let (handled, mut handlings) = mpsc::unbounded_channel();
    let receiver = CallbackMessageReceiver::new(move |mut envelope, queue| {
        let handled = handled.clone();
        Box::pin(async move {
            let arrived = envelope.clone();
            let completed = queue.complete(&mut envelope).await;
            let _ = handled.send((arrived, queue.get_name(), queue.is_open(), completed));
            Ok(())
        })
    });
    begin_listen(&case, &subject, Arc::new(receiver)).await?;
    let sent = subject.send("only").await?;
    loop {
        let handling = case.within(PATIENCE, "the wait for the receiver", handlings.recv()).await?;
        let (envelope, name, open, completed) = handling.ok_or("the queue dropped the receiver")?;
        let Some(entry) = case.ledger().arrive(subject.destination(), &envelope)? else { continue };
        ensure!(entry == sent.entry, "the receiver got {envelope} instead of {}", sent.envelope);
        let expected = subject.queue.get_name();
        ensure!(name == expected, "the receiver got the queue '{name}' instead of '{expected}'");
        ensure!(open, "the receiver got a queue that is not open");
        return completed.map_err(|error| format!("complete failed in the receiver: {error:#}"));
    }
}

/// Five messages sent before the listening begins and five while it does come once each, in order.
pub(in crate::conformance) async fn listener_gets_backlog_once(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let mut sent = send_numbered(&subject, 1..=5).await?;
    let (receiver, mut collected) = collector(&case, &subject, |_| Ok(()));
    let during = tokio::spawn({
        let subject = subject.clone();
        async move { send_numbered(&subject, 6..=10).await }
    });
    begin_listen(&case, &subject, receiver).await?;
    sent.extend(during.await.map_err(|error| format!("send failed: {error}"))??);

    let arrived = collect(&case, &mut collected, &sent).await?;
    let expected: Vec<_> = sent.iter().map(|sent| sent.entry).collect();
    if case.profile().ordered {
        ensure!(arrived == expected, "they came in the order {arrived:?} instead of {expected:?}");
    }
    subject.drain_from(&mut collected).await?;
    case.check()?;
    // A queue that delivers at least once may repeat some, but a backlog that comes twice comes twice whole.
    let repeated = sent[..5].iter().all(|sent| case.ledger().received(sent.entry) > 1);
    ensure!(!repeated, "the whole backlog came several times");
    Ok(())
}

/// An error on the third of five keeps no other message from coming; in a queue that can abandon, the third
/// comes again and is then handled for good.
pub(in crate::conformance) async fn failing_receiver_keeps_listening(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let can_abandon = subject.capabilities().can_abandon;
    let third = case.envelope("3");
    let failed = AtomicBool::new(false);
    let (receiver, mut collected) = collector(&case, &subject, {
        let (ledger, payload) = (case.ledger().clone(), third.get_message().cloned());
        move |received| {
            let fails =
                received.envelope.get_message() == payload.as_ref() && !failed.swap(true, Ordering::AcqRel);
            if !fails {
                return Ok(());
            }
            if can_abandon {
                ledger.put_back(received.entry);
            }
            Err(ApplicationError::unknown(None, "FAILED", "this receiver fails once, to be tested"))
        }
    });
    begin_listen(&case, &subject, receiver).await?;
    let mut sent = send_numbered(&subject, 1..=2).await?;
    sent.push(subject.send_envelope("3", third).await?);
    sent.extend(send_numbered(&subject, 4..=5).await?);

    collect(&case, &mut collected, &sent).await?;
    if can_abandon {
        let deadline = Instant::now() + case.pace().limit(PATIENCE);
        while case.ledger().received(sent[2].entry) < 2 {
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(
                collected.next(left).await?.is_some(),
                "the message whose handling failed did not come again"
            );
        }
    }
    subject.drain_from(&mut collected).await?;
    case.check()
}

async fn begin_listen(case: &Case, subject: &Subject, receiver: Arc<dyn IMessageReceiver>) -> CaseResult {
    case.ok("begin_listen", async { subject.queue.clone().begin_listen(None, receiver) }).await
}

async fn send_numbered(subject: &Subject, numbers: RangeInclusive<usize>) -> CaseResult<Vec<Sent>> {
    let mut sent = Vec::new();
    for number in numbers {
        sent.push(subject.send(&number.to_string()).await?);
    }
    Ok(sent)
}

/// Waits until each of the messages has come, and gives their entries in the order in which they first came.
async fn collect(case: &Case, collected: &mut Collected, sent: &[Sent]) -> CaseResult<Vec<usize>> {
    let patience = case.pace().limit(PATIENCE);
    let deadline = Instant::now() + patience;
    let (mut arrived, mut missing) = (Vec::new(), sent.iter().map(|sent| sent.entry).collect::<HashSet<_>>());
    while !missing.is_empty() {
        let Some(received) = collected.next(deadline.saturating_duration_since(Instant::now())).await? else {
            return Err(format!(
                "{} of {} messages did not come within {patience:?}",
                missing.len(),
                sent.len()
            ));
        };
        if missing.remove(&received.entry) {
            arrived.push(received.entry);
        }
    }
    Ok(arrived)
}
