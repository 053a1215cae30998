use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time::timeout};

use crate::{
    contenders::{Contender, Sender},
    job::{Link, Pace, Reception, Told},
    outcome::Outcome,
    statistics::percentile,
};

/// From one message to the next one, for everybody, so that whoever receives waits again and its thread sleeps.
const INTERVAL: Duration = Duration::from_millis(1);

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
    let sender = C::sender(link, Pace::Awaited).await?;
    let mut microseconds = Vec::with_capacity(messages);
    let mut next = Instant::now();
    for number in 0..WARM_UP + messages {
        // No timer of the runtime, which would be work for threads that some are measured on. This thread has none.
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        // Who took longer than that sends no faster afterwards.
        next = now + INTERVAL;
        *sent.lock().unwrap_or_else(PoisonError::into_inner) = now;
        sender.send(1).await?;
        let time = timeout(PATIENCE, arrivals.recv()).await?.ok_or("nobody receives any more")?;
        if number >= WARM_UP {
            microseconds.push(time.as_secs_f64() * 1e6);
        }
    }
    Ok([("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)]
        .map(|(name, share)| (name.to_owned(), percentile(&microseconds, share)))
        .into())
}
