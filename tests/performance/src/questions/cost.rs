use super::{
    Case, Lane,
    measurements::{journey, number},
};
use crate::{context::Context, figures::Metric};

/// Of both processes.
pub(crate) const CPU: Metric = Metric::of("processor time for 100 000", "s");
pub(crate) const CPU_SENDER: Metric = Metric::part("processor time of the sender", "s");
pub(crate) const CPU_RECEIVER: Metric = Metric::part("processor time of the receiver", "s");
const PEAK_SENDER: Metric = Metric::part("peak memory of the sender", "MiB");
const PEAK_RECEIVER: Metric = Metric::part("peak memory of the receiver", "MiB");
pub(crate) const MEMORY_AFTER: Metric = Metric::of("memory of the receiver after them", "MiB");

/// Messages in full, and what they are called.
const MESSAGES: usize = 1_000_000;
pub(crate) const MILLION: &str = "QoS 0, 1 000 000 messages";

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    // Who is measured with fewer messages would not have had a million of them.
    let asked = context.everybody_and_relayed().into_iter().filter(|who| who.slowness() == 1);
    let lanes = asked.map(|who| {
        Lane::new(who.name(), move || {
            let link = context.link();
            // It takes long, so one way has to do.
            let way = who.ways(&link).remove(0);
            let journey = journey(who, &link, way, context.messages(who, MESSAGES))?;
            Ok(vec![
                (CPU, journey.cpu_sender + journey.cpu_receiver),
                (CPU_SENDER, journey.cpu_sender),
                (CPU_RECEIVER, journey.cpu_receiver),
                (PEAK_SENDER, number(&journey.sender, "peak")?),
                (PEAK_RECEIVER, number(&journey.receiver, "peak")?),
                (MEMORY_AFTER, number(&journey.receiver, "memory")?),
            ])
        })
    });
    vec![Case { name: MILLION.to_owned(), lanes: lanes.collect() }]
}
