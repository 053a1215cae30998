use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use pip_services_commons::errors::ApplicationError;
use tokio::sync::mpsc;

use crate::{
    CallbackMessageReceiver,
    conformance::{
        case::{Case, CaseResult, ensure},
        collector::collector,
        pace::PATIENCE,
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
    subject.begin_listen(Arc::new(receiver)).await?;
    subject.send("only").await?;
    loop {
        let handling = case.within(PATIENCE, "the wait for the receiver", handlings.recv()).await?;
        let (envelope, name, open, completed) = handling.ok_or("the queue dropped the receiver")?;
        if case.ledger().arrive(subject.destination(), &envelope)?.is_none() {
            continue;
        }
        let expected = subject.queue.get_name();
        ensure!(name == expected, "the receiver got the queue '{name}' instead of '{expected}'");
        ensure!(open, "the receiver got a queue that is not open");
        return completed.map_err(|error| format!("complete failed in the receiver: {error:#}"));
    }
}

/// Five messages sent before the listening begins and five while it does come once each, in order.
pub(in crate::conformance) async fn listener_gets_backlog_once(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let mut sent = subject.send_numbered(1..=5).await?;
    let (receiver, mut collected) = collector(&case, &subject, |_| Ok(()));
    let during = tokio::spawn({
        let subject = subject.clone();
        async move { subject.send_numbered(6..=10).await }
    });
    subject.begin_listen(receiver).await?;
    sent.extend(during.await.map_err(|error| format!("send failed: {error}"))??);

    let arrived = subject.collect_from(&mut collected, &sent).await?;
    let expected: Vec<_> = sent.iter().map(|sent| sent.entry).collect();
    if case.profile().ordered {
        ensure!(arrived == expected, "they came in the order {arrived:?} instead of {expected:?}");
    }
    subject.drain_from(&mut collected).await?;
    case.check()?;
    let repeated = sent[..5].iter().all(|sent| case.ledger().received(sent.entry) > 1);
    ensure!(!repeated, "the whole backlog came several times");
    Ok(())
}

/// An error on the third of five keeps no other message from coming; in a queue that can abandon, the third
/// comes again and is then handled for good.
pub(in crate::conformance) async fn failing_receiver_keeps_listening(case: Arc<Case>) -> CaseResult {
    third_fails(case, || {
        Err(ApplicationError::unknown(None, "FAILED", "this receiver fails once, to be tested"))
    })
    .await
}

/// A panic on the third of five is as an error.
pub(in crate::conformance) async fn panicking_receiver_keeps_listening(case: Arc<Case>) -> CaseResult {
    // Without the noise that `panic!` makes, which would look like a failure.
    third_fails(case, || resume_unwind(Box::new("this receiver panics once, to be tested"))).await
}

async fn third_fails(case: Arc<Case>, fail: fn() -> Result<(), ApplicationError>) -> CaseResult {
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
            fail()
        }
    });
    subject.begin_listen(receiver).await?;
    subject.send_numbered(1..=2).await?;
    subject.send_envelope("3", third).await?;
    subject.send_numbered(4..=5).await?;
    subject.drain_from(&mut collected).await?;
    case.check()
}
