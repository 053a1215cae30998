use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    contenders::{Contender, Sender},
    job::{Link, Pace, Reception, Told},
    outcome::Outcome,
    statistics::percentile,
};

/// Between two messages, so that whoever receives waits again and its thread sleeps.
const PAUSE: Duration = Duration::from_micros(500);

/// When a message has not arrived by then, it is lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// Messages that come before those that count.
const WARM_UP: usize = 100;

/// From the call of a send to the arrival at a receiver on another connection.
pub(super) async fn latency<C: Contender>(link: &Link, how: Reception, messages: usize) -> Outcome<Told> {
    let sent = Arc::new(Mutex::new(Instant::now()));
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let told = sent.clone();
    let handler = Arc::new(move |_| {
        let _ = arrived.send(told.lock().unwrap_or_else(PoisonError::into_inner).elapsed());
    });
    let _receiver = C::receiver(link, how, handler).await?;
    let sender = C::sender(link).await?;
    let mut microseconds = Vec::with_capacity(messages);
    for number in 0..WARM_UP + messages {
        sleep(PAUSE).await;
        *sent.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        sender.send(1, Pace::Awaited).await?;
        let time = timeout(PATIENCE, arrivals.recv()).await?.ok_or("nobody receives any more")?;
        if number >= WARM_UP {
            microseconds.push(time.as_secs_f64() * 1e6);
        }
    }
    Ok([("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)]
        .map(|(name, share)| (name.to_owned(), percentile(&microseconds, share)))
        .into())
}
