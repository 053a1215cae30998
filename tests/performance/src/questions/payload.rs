use super::{
    CPU_RECEIVER, CPU_SENDER, Case, END_TO_END, Lane, SENT,
    measurements::{cheapest, fastest, journeys, most_sent},
};
use crate::{
    contenders::{Ours, Start},
    context::Context,
    job::Link,
};

/// Bytes, what they are called, and messages in full.
const SIZES: [(usize, &str, usize); 4] =
    [(16, "16 B", 150_000), (100, "100 B", 150_000), (1024, "1 KiB", 25_000), (65536, "64 KiB", 600)];

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let cases = SIZES.map(|(payload, size, full)| {
        let lane = |name, who: &Start, envelope| {
            let who = who.clone();
            Lane::new(name, move || {
                let messages = context.messages(&who, full);
                let link = || Link { payload, envelope, ..context.link() };
                let sent = most_sent(&who, link, messages)?;
                let journeys = journeys(&who, link, messages)?;
                let received = fastest(&journeys);
                let journey = cheapest(journeys)?;
                Ok(vec![
                    (SENT, sent),
                    (END_TO_END, received),
                    (CPU_SENDER, journey.cpu_sender),
                    (CPU_RECEIVER, journey.cpu_receiver),
                ])
            })
        };
        let everybody = context.everybody().into_iter();
        let mut lanes: Vec<_> = everybody.map(|who| lane(who.name(), who, who.needs_envelope())).collect();
        lanes.insert(1, lane(Ours::WITH_ENVELOPE, &context.ours, true));
        Case { name: size.to_owned(), lanes }
    });
    cases.into()
}
