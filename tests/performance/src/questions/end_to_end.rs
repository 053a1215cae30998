use super::{Case, Lane, measurements::journey};
use crate::{contenders::Start, context::Context, figures::Metric, job::Link};

pub(crate) const END_TO_END: Metric = Metric { name: "received", unit: "messages/s" };

/// Messages in full, for each QoS.
const MESSAGES: [usize; 2] = [200_000, 80_000];

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (qos, full) in (0..).zip(MESSAGES) {
        let lane = |name, who: &'_ Start, envelope| {
            let who = who.clone();
            Lane::new(name, move || {
                let link = Link { qos, envelope, ..context.link() };
                Ok(vec![(END_TO_END, journey(&who, &link, context.messages(&who, full))?.per_second)])
            })
        };
        let mut lanes: Vec<_> =
            context.everybody().into_iter().map(|who| lane(who.name(), who, who.needs_envelope())).collect();
        lanes.insert(1, lane("pip-services-mqtt, envelope", &context.ours, true));
        cases.push(Case { name: format!("QoS {qos}"), lanes });
    }
    cases
}
