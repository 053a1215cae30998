use std::process::Command;

use super::{
    Case, Lane,
    measurements::{number, task},
};
use crate::{
    child::Child,
    context::Context,
    figures::Metric,
    job::{Job, Pace},
    outcome::Outcome,
    worker::ARGUMENT,
};

pub(crate) const ALLOCATIONS: Metric = Metric::of("allocations", "per message");

/// Messages in full.
const MESSAGES: usize = 20_000;

pub(super) fn question(context: &Context) -> Outcome<Vec<Case<'_>>> {
    let program = context.counting_program()?;
    let cases = [("each awaited", Some(Pace::Awaited)), ("many at once", None)].map(|(name, pace)| {
        let lanes = [&context.ours, &context.paho, &context.rumqttc].map(|who| {
            let program = program.clone();
            Lane::new(who.name(), move || {
                let mut least = f64::INFINITY;
                for pace in pace.map_or_else(|| who.ways(&context.link()), |pace| vec![pace]) {
                    let job = Job::Allocations { pace, messages: context.messages(who, MESSAGES) };
                    let mut command = Command::new(&program);
                    command.args([ARGUMENT, &serde_json::to_string(&task(who, &context.link(), job))?]);
                    least = number(&Child::start(command)?.told()?, "allocations")?.min(least);
                }
                Ok(vec![(ALLOCATIONS, least)])
            })
        });
        Case { name: name.to_owned(), lanes: lanes.into() }
    });
    Ok(cases.into())
}
