use super::{Case, Lane, measurements::sent_per_second};
use crate::{
    contenders::{Ours, Start},
    context::Context,
    figures::Metric,
    job::{Link, Pace},
};

pub(crate) const SENT: Metric = Metric { name: "sent", unit: "messages/s" };

/// Messages in full, for each QoS: sent one after the other, and many at once.
const MESSAGES: [(usize, usize); 3] = [(40_000, 200_000), (15_000, 80_000), (8_000, 40_000)];

/// Who awaits each message, and who has many on their way.
pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (qos, (awaited, many)) in (0..).zip(MESSAGES) {
        let lane = |name, who, pace| {
            let full = if pace == Pace::Awaited { awaited } else { many };
            Lane::new(name, move || {
                let link = Link { qos, ..context.link() };
                Ok(vec![(SENT, sent_per_second(who, &link, pace, context.messages(who, full))?)])
            })
        };
        let peers = [&context.paho, &context.rumqttc];
        let mut lanes = vec![lane(Ours::NAME, &context.ours, Pace::Awaited)];
        lanes.extend(peers.map(|who: &Start| lane(who.name(), who, Pace::Awaited)));
        cases.push(Case { name: format!("QoS {qos}, each awaited"), lanes });

        let mut lanes = vec![
            lane("pip-services-mqtt, 100 tasks", &context.ours, Pace::Tasks),
            lane("pip-services-mqtt, send_batch", &context.ours, Pace::Batch),
        ];
        lanes.extend(peers.into_iter().chain(&context.python).map(|who| lane(who.name(), who, Pace::Tasks)));
        cases.push(Case { name: format!("QoS {qos}, many at once"), lanes });
    }
    cases
}
