use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use crate::conformance::{
    case::{Case, CaseResult},
    pace::{PATIENCE, SEED},
};

/// A thousand messages of one sender arrive in the order in which they were sent, where the queue keeps it.
pub(in crate::conformance) async fn order_is_kept(case: Arc<Case>) -> CaseResult {
    const MESSAGES: usize = 1000;
    let subject = case.open().await?;
    let sending = tokio::spawn({
        let subject = subject.clone();
        async move { subject.send_numbered(1..=MESSAGES).await }
    });
    let mut arrived = Vec::new();
    while arrived.len() < MESSAGES {
        let received = subject.receive_next().await?;
        // A queue that delivers at least once may repeat a message later, out of order.
        if case.ledger().received(received.entry) == 1 {
            arrived.push(received.entry);
        }
        subject.complete(received.envelope).await?;
    }
    sending.await.map_err(|error| error.to_string())??;
    if case.profile().ordered
        && let Some(pair) = arrived.windows(2).find(|pair| pair[0] > pair[1])
    {
        return Err(format!("{} came in this order", case.ledger().shown(pair)));
    }
    subject.drain().await?;
    case.check()
}

/// Receives that are dropped at any moment, while messages are sent, lose none of them.
pub(in crate::conformance) async fn dropped_receive_loses_nothing(case: Arc<Case>) -> CaseResult {
    const RECEIVES: usize = 200;
    let subject = case.open().await?;
    let (mut random, seed) = case.random();
    let mut pauses = random.fork();
    let sending = tokio::spawn({
        let subject = subject.clone();
        async move {
            for number in 1..=RECEIVES {
                subject.send(&number.to_string()).await?;
                sleep(Duration::from_micros(pauses.u64(0..1000))).await;
            }
            Ok::<_, String>(())
        }
    });
    for _ in 0..RECEIVES {
        let patience = Duration::from_micros(random.u64(0..2000));
        // Dropped where the time runs out.
        let Ok(received) = timeout(patience, subject.queue.receive(None, PATIENCE)).await else { continue };
        let received = received.map_err(|error| format!("receive failed: {error:#}"))?;
        if let Some(envelope) = received
            && case.ledger().arrive(subject.destination(), &envelope)?.is_some()
        {
            subject.complete(envelope).await?;
        }
    }
    sending.await.map_err(|error| error.to_string())??;
    subject
        .drain()
        .await
        .and_then(|()| case.check())
        .map_err(|problem| format!("seed {seed} ({SEED}): {problem}"))
}
