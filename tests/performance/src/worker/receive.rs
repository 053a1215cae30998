use std::time::Duration;

use tokio::time::sleep;

use super::{arrivals::Arrivals, say, usage};
use crate::{
    contenders::Contender,
    job::{Link, Reception, Told},
    outcome::Outcome,
};

/// After the last message, so that what is given back is given back.
const SETTLING: Duration = Duration::from_millis(100);

/// Receives all, by a listener.
pub(super) async fn receive<C: Contender>(link: &Link, messages: usize) -> Outcome<Told> {
    let arrivals = Arrivals::expecting(messages);
    let _receiver = C::receiver(link, Reception::Listen, arrivals.handler(link.payload)).await?;
    let cpu = usage::cpu_seconds();
    say("ready")?;
    arrivals.complete().await?;
    say("got")?;
    let cpu = usage::cpu_seconds() - cpu;
    sleep(SETTLING).await;
    Ok(Told::from([
        ("cpu".into(), cpu),
        ("peak".into(), usage::peak_memory()?),
        ("memory".into(), usage::memory()?),
    ]))
}
