use super::{
    Case, Lane,
    measurements::{number, start},
};
use crate::{
    context::Context,
    figures::Metric,
    job::{Job, Link, Reception},
};

const P50: Metric = Metric::of("p50", "µs");
pub(crate) const P99: Metric = Metric::of("p99", "µs");
const P999: Metric = Metric::of("p99.9", "µs");

/// Messages in full.
const MESSAGES: usize = 4_000;

/// The Python queue looks every 100 ms whether there is something to receive.
const MESSAGES_POLLED: usize = 400;

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let cases = [("a receive that waits", Reception::Receive), ("a listener", Reception::Listen)].map(
        |(name, how)| {
            let lanes = context.everybody_and_relayed().into_iter().map(|who| {
                Lane::new(who.name(), move || {
                    let polled = who.needs_envelope() && how == Reception::Receive;
                    let messages = context.messages(who, if polled { MESSAGES_POLLED } else { MESSAGES });
                    let link = Link { envelope: who.needs_envelope(), ..context.link() };
                    let told = start(who, &link, Job::Latency { how, messages })?.told()?;
                    [P50, P99, P999]
                        .map(|metric| Ok((metric, number(&told, metric.name)?)))
                        .into_iter()
                        .collect()
                })
            });
            Case { name: name.to_owned(), lanes: lanes.collect() }
        },
    );
    cases.into()
}
