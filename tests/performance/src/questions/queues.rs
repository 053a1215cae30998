use super::{Case, END_TO_END, Lane, measurements::journey};
use crate::{context::Context, job::Link};

const QUEUES: [usize; 3] = [1, 8, 64];

/// Messages in full, of all queues together.
const MESSAGES: usize = 200_000;

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let cases = QUEUES.map(|queues| {
        let lanes = context.everybody().into_iter().map(|who| {
            Lane::new(who.name(), move || {
                let link = Link { queues, envelope: who.needs_envelope(), ..context.link() };
                Ok(vec![(END_TO_END, journey(who, &link, context.messages(who, MESSAGES))?.per_second)])
            })
        });
        Case { name: queues.to_string(), lanes: lanes.collect() }
    });
    cases.into()
}
