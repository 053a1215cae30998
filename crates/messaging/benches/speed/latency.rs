use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use pip_services_messaging::MessageEnvelope;
use tokio::{runtime::Runtime, time::sleep};

use crate::{
    Scale,
    contenders::{Contender, Mpsc, Queue, Receiver, Sender},
    statistics::percentile,
    two_threads,
};

/// Between two messages, so that the receiver waits again and its thread sleeps.
const PAUSE: Duration = Duration::from_micros(500);

/// Prints how long it takes from a send to the return of a receive that waited on another thread.
pub(crate) fn compare(scale: Scale) {
    println!("\nfrom a send to the return of a receive that waits");
    let runtime = two_threads();
    for (name, mut times) in [
        (Queue::NAME, wake_ups::<Queue>(&runtime, scale.wake_ups)),
        (Mpsc::NAME, wake_ups::<Mpsc>(&runtime, scale.wake_ups)),
    ] {
        let half = percentile(&mut times, 0.5);
        println!("  {name:<20} p50 {half:>7.1} us, p99 {:>7.1} us", percentile(&mut times, 0.99));
    }
}

/// In microseconds.
fn wake_ups<C: Contender>(runtime: &Runtime, count: usize) -> Vec<f64> {
    let (sender, mut receivers) = C::make(None, 1).unwrap();
    let mut receiver = receivers.remove(0);
    let sent = Arc::new(Mutex::new(Instant::now()));
    let told = sent.clone();
    let receiving = runtime.spawn(async move {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            receiver.receive().await;
            times.push(told.lock().unwrap().elapsed().as_secs_f64() * 1e6);
        }
        times
    });
    let sending = runtime.spawn(async move {
        for _ in 0..count {
            sleep(PAUSE).await;
            let message = MessageEnvelope::new(Some("123"), "order", "one pizza");
            *sent.lock().unwrap() = Instant::now();
            sender.send(message).await;
        }
    });
    runtime.block_on(async {
        sending.await.unwrap();
        receiving.await.unwrap()
    })
}
