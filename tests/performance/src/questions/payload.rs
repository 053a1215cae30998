use super::{
    Case, END_TO_END, Lane, SENT,
    measurements::{journey, sent_per_second},
};
use crate::{
    contenders::Start,
    context::Context,
    job::{Link, Pace},
};

/// Bytes, what they are called, and messages in full.
const SIZES: [(usize, &str, usize); 4] =
    [(16, "16 B", 200_000), (100, "100 B", 200_000), (1024, "1 KiB", 100_000), (65536, "64 KiB", 2_000)];

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let cases = SIZES.map(|(payload, size, full)| {
        let lane = |name, who: &Start, envelope| {
            let who = who.clone();
            Lane::new(name, move || {
                let messages = context.messages(&who, full);
                let link = || Link { payload, envelope, ..context.link() };
                Ok(vec![
                    (SENT, sent_per_second(&who, &link(), Pace::Batch, messages)?),
                    (END_TO_END, journey(&who, &link(), messages)?.per_second),
                ])
            })
        };
        let mut lanes: Vec<_> =
            context.everybody().into_iter().map(|who| lane(who.name(), who, who.needs_envelope())).collect();
        lanes.insert(1, lane("pip-services-mqtt, envelope", &context.ours, true));
        Case { name: size.to_owned(), lanes }
    });
    cases.into()
}
