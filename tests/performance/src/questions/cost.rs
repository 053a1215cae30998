use super::{
    Case, Lane,
    measurements::{cheapest, journey, journeys, number},
};
use crate::{context::Context, figures::Metric, job::Link};

/// Of both processes.
pub(crate) const CPU: Metric = Metric::of("processor time for 100 000", "s");
pub(crate) const CPU_SENDER: Metric = Metric::part("processor time of the sender", "s");
pub(crate) const CPU_RECEIVER: Metric = Metric::part("processor time of the receiver", "s");
const PEAK_SENDER: Metric = Metric::part("peak memory of the sender", "MiB");
const PEAK_RECEIVER: Metric = Metric::part("peak memory of the receiver", "MiB");
pub(crate) const MEMORY_AFTER: Metric = Metric::of("memory of the receiver after them", "MiB");

/// Messages in full, and what they are called.
const CASES: [(u8, usize, &str); 3] =
    [(0, 100_000, "QoS 0, 100 000 messages"), (1, 40_000, "QoS 1, 40 000 messages"), (0, MANY, LONG)];

const MANY: usize = 1_000_000;
pub(crate) const LONG: &str = "QoS 0, 1 000 000 messages";

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let cases = CASES.map(|(qos, full, name)| {
        // Who is measured with fewer messages would not have had a million of them.
        let asked =
            context.everybody_and_relayed().into_iter().filter(|who| full < MANY || who.slowness() == 1);
        let lanes = asked.map(|who| {
            Lane::new(who.name(), move || {
                let messages = context.messages(who, full);
                let link = || Link { qos, envelope: who.needs_envelope(), ..context.link() };
                let journey = match full {
                    // Asks for memory, and takes long: one way has to do.
                    MANY => {
                        let way = who.ways(&link()).remove(0);
                        journey(who, &link(), way, messages)?
                    }
                    _ => cheapest(journeys(who, link, messages)?)?,
                };
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
        Case { name: name.to_owned(), lanes: lanes.collect() }
    });
    cases.into()
}
