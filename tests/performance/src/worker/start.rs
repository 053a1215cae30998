use super::{arrivals::Arrivals, say};
use crate::{
    contenders::{Contender, Sender},
    job::{Link, Pace, Reception, Told},
    outcome::Outcome,
};

/// Sends itself one message, and says so when it is there.
pub(super) async fn start<C: Contender>(link: &Link) -> Outcome<Told> {
    let arrivals = Arrivals::expecting(1);
    let _receiver = C::receiver(link, Reception::Listen, arrivals.handler(link.payload)).await?;
    // Kept until the end: what was sent at QoS 0 may still be on its way in this process.
    let sender = C::sender(link, Pace::Awaited).await?;
    sender.send(1).await?;
    arrivals.complete().await?;
    say("got")?;
    Ok(Told::new())
}
