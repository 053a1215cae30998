use std::time::Instant;

use super::{say, usage, wait_for_go};
use crate::{
    contenders::{Contender, Sender},
    job::{Link, Pace, Told},
    outcome::Outcome,
};

/// Sends until the broker has all.
pub(super) async fn send<C: Contender>(
    link: &Link,
    pace: Pace,
    warm_up: usize,
    messages: usize,
) -> Outcome<Told> {
    let sender = C::sender(link, pace).await?;
    sender.send(warm_up).await?;
    sender.fence().await?;
    say("ready")?;
    wait_for_go()?;
    let (start, cpu) = (Instant::now(), usage::cpu_seconds());
    sender.send(messages).await?;
    sender.fence().await?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Told::from([
        ("seconds".into(), seconds),
        ("cpu".into(), usage::cpu_seconds() - cpu),
        ("peak".into(), usage::peak_memory()?),
    ]))
}
