use super::{
    Case, Lane,
    measurements::{most_sent, sent_per_second},
};
use crate::{
    contenders::{Ours, Start},
    context::Context,
    figures::Metric,
    job::{Link, Pace},
};

pub(crate) const SENT: Metric = Metric::of("sent", "messages/s");

/// Messages in full, for each QoS: sent one after the other, and many at once.
const MESSAGES: [(usize, usize); 3] = [(30_000, 100_000), (10_000, 40_000), (6_000, 20_000)];

/// Who awaits each message, and who has many on their way.
pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (qos, (awaited, many)) in (0..).zip(MESSAGES) {
        let link = move || Link { qos, ..context.link() };
        let lane = |name, who: &'_ Start, pace, full| {
            let who = who.clone();
            Lane::new(name, move || {
                Ok(vec![(SENT, sent_per_second(&who, &link(), pace, context.messages(&who, full))?)])
            })
        };
        let best = |who: &'_ Start| {
            let who = who.clone();
            Lane::new(who.name(), move || {
                Ok(vec![(SENT, most_sent(&who, link, context.messages(&who, many))?)])
            })
        };
        let [ours, paho, rumqttc] = [&context.ours, &context.paho, &context.rumqttc];
        // Only where there is a target.
        let relayed = |is_asked: bool| is_asked.then_some(&context.relayed);
        let awaiting = [ours, paho].into_iter().chain(relayed(qos == 1)).chain([rumqttc]);
        let lanes = awaiting.map(|who| lane(who.name(), who, Pace::Awaited, awaited)).collect();
        cases.push(Case { name: format!("QoS {qos}, each awaited"), lanes });

        let mut lanes = vec![
            lane(Ours::BY_TASKS, ours, Pace::Tasks, many),
            lane(Ours::BY_BATCH, ours, Pace::Batch, many),
        ];
        let others = [paho].into_iter().chain(relayed(qos < 2)).chain([rumqttc]).chain(&context.python);
        lanes.extend(others.map(best));
        cases.push(Case { name: format!("QoS {qos}, many at once"), lanes });
    }
    cases
}
