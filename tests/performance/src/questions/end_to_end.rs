use super::{
    CPU, CPU_RECEIVER, CPU_SENDER, Case, Lane,
    measurements::{cheapest, fastest, journeys},
};
use crate::{
    contenders::{Ours, Start},
    context::Context,
    figures::Metric,
    job::Link,
};

pub(crate) const END_TO_END: Metric = Metric::of("received", "messages/s");

/// Messages in full, for each QoS.
const MESSAGES: [usize; 2] = [100_000, 40_000];

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (qos, full) in (0..).zip(MESSAGES) {
        let lane = |name, who: &'_ Start, envelope| {
            let who = who.clone();
            Lane::new(name, move || {
                let link = || Link { qos, envelope, ..context.link() };
                let journeys = journeys(&who, link, context.messages(&who, full))?;
                let received = fastest(&journeys);
                let journey = cheapest(journeys)?;
                Ok(vec![
                    (END_TO_END, received),
                    (CPU, journey.cpu_sender + journey.cpu_receiver),
                    (CPU_SENDER, journey.cpu_sender),
                    (CPU_RECEIVER, journey.cpu_receiver),
                ])
            })
        };
        let everybody = context.everybody_and_relayed().into_iter();
        let mut lanes: Vec<_> = everybody.map(|who| lane(who.name(), who, who.needs_envelope())).collect();
        lanes.insert(1, lane(Ours::WITH_ENVELOPE, &context.ours, true));
        cases.push(Case { name: format!("QoS {qos}"), lanes });
    }
    cases
}
