use super::arrivals::Arrivals;
use crate::{
    contenders::{Contender, Sender},
    job::{Link, Pace, Reception, Told},
    outcome::Outcome,
};

/// What a message costs in allocations, sent and received in this process.
pub(super) async fn allocations<C: Contender>(
    link: &Link,
    pace: Pace,
    messages: usize,
    allocations: fn() -> usize,
) -> Outcome<Told> {
    // Buffers and tables have their final size after as many.
    let arrivals = Arrivals::expecting(messages);
    let _receiver = C::receiver(link, Reception::Listen, arrivals.handler(link.payload)).await?;
    let sender = C::sender(link, pace).await?;
    sender.send(messages).await?;
    arrivals.complete().await?;

    arrivals.expect_more(messages);
    let before = allocations();
    sender.send(messages).await?;
    arrivals.complete().await?;
    let each = (allocations() - before) as f64 / messages as f64;
    Ok(Told::from([("allocations".into(), each)]))
}
