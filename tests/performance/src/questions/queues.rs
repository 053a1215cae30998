use super::{
    CPU_RECEIVER, CPU_SENDER, Case, END_TO_END, Lane,
    measurements::{cheapest, fastest, journeys},
};
use crate::{context::Context, job::Link};

const QUEUES: [usize; 3] = [1, 8, 64];

/// Messages in full, of all queues together.
const MESSAGES: usize = 60_000;

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let cases = QUEUES.map(|queues| {
        let lanes = context.everybody().into_iter().map(|who| {
            Lane::new(who.name(), move || {
                let link = || Link { queues, envelope: who.needs_envelope(), ..context.link() };
                let journeys = journeys(who, link, context.messages(who, MESSAGES))?;
                let received = fastest(&journeys);
                let journey = cheapest(journeys)?;
                Ok(vec![
                    (END_TO_END, received),
                    (CPU_SENDER, journey.cpu_sender),
                    (CPU_RECEIVER, journey.cpu_receiver),
                ])
            })
        });
        let name = if queues == 1 { "1 queue".into() } else { format!("{queues} queues") };
        Case { name, lanes: lanes.collect() }
    });
    cases.into()
}
