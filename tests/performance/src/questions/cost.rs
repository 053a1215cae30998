use super::{
    Case, Lane,
    measurements::{journey, number},
};
use crate::{context::Context, figures::Metric, job::Link};

/// Of both processes, for 100 000 messages.
pub(crate) const CPU: Metric = Metric { name: "processor time for 100 000, both", unit: "s" };
const CPU_SENDER: Metric = Metric { name: "that of the sender", unit: "s" };
const CPU_RECEIVER: Metric = Metric { name: "that of the receiver", unit: "s" };
const PEAK_SENDER: Metric = Metric { name: "peak memory of the sender", unit: "MiB" };
const PEAK: Metric = Metric { name: "peak memory of the receiver", unit: "MiB" };
pub(crate) const MEMORY_AFTER: Metric = Metric { name: "memory of the receiver after them", unit: "MiB" };

/// Messages in full, and what they are called.
const CASES: [(u8, usize, &str); 3] = [
    (0, 200_000, "QoS 0, 200 000 messages"),
    (1, 100_000, "QoS 1, 100 000 messages"),
    (0, 1_000_000, "QoS 0, 1 000 000 messages"),
];

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let cases = CASES.map(|(qos, full, name)| {
        let lanes = context.everybody().into_iter().map(|who| {
            Lane::new(who.name(), move || {
                let messages = context.messages(who, full);
                let link = Link { qos, envelope: who.needs_envelope(), ..context.link() };
                let journey = journey(who, &link, messages)?;
                let [sender, receiver] = [&journey.sender, &journey.receiver];
                let each = 100_000.0 / messages as f64;
                let [sending, receiving] = [number(sender, "cpu")? * each, number(receiver, "cpu")? * each];
                Ok(vec![
                    (CPU, sending + receiving),
                    (CPU_SENDER, sending),
                    (CPU_RECEIVER, receiving),
                    (PEAK_SENDER, number(sender, "peak")?),
                    (PEAK, number(receiver, "peak")?),
                    (MEMORY_AFTER, number(receiver, "memory")?),
                ])
            })
        });
        Case { name: name.to_owned(), lanes: lanes.collect() }
    });
    cases.into()
}
