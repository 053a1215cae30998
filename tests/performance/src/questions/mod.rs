//! What is asked.

mod allocations;
mod cost;
mod end_to_end;
mod latency;
mod measurements;
mod payload;
mod queues;
mod send;
mod start;

use clap::ValueEnum;

use crate::{
    context::Context,
    figures::{Measured, Metric},
    outcome::Outcome,
};

pub(crate) use self::{
    allocations::ALLOCATIONS,
    cost::{CPU, CPU_RECEIVER, CPU_SENDER, MEMORY_AFTER, MILLION},
    end_to_end::END_TO_END,
    latency::P99,
    send::SENT,
};

/// The questions, as they are chosen by `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QuestionId {
    /// How fast messages are sent
    Send,
    /// How fast they go from process to process
    EndToEnd,
    /// How long one message takes
    Latency,
    /// What the size of the payload and the envelope cost
    Payload,
    /// Processor time and memory
    Cost,
    /// From the start of a process to its first message
    Start,
    /// Many queues on one connection
    Queues,
    /// Allocations of each message
    Allocations,
}

/// What is compared: each case has its own contenders, which are measured by turns.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    pub(crate) lanes: Vec<Lane<'a>>,
}

/// Measures once; gives what was measured.
type Measure<'a> = dyn Fn() -> Outcome<Vec<(Metric, f64)>> + 'a;

/// One contender in one case.
pub(crate) struct Lane<'a> {
    pub(crate) name: &'static str,
    pub(crate) measure: Box<Measure<'a>>,
}

impl<'a> Lane<'a> {
    fn new(name: &'static str, measure: impl Fn() -> Outcome<Vec<(Metric, f64)>> + 'a) -> Self {
        Self { name, measure: Box::new(measure) }
    }
}

impl QuestionId {
    /// As in `--only`.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn ask(self, context: &Context) -> Outcome<Vec<Case<'_>>> {
        Ok(match self {
            Self::Send => send::question(context),
            Self::EndToEnd => end_to_end::question(context),
            Self::Latency => latency::question(context),
            Self::Payload => payload::question(context),
            Self::Cost => cost::question(context),
            Self::Start => start::question(context),
            Self::Queues => queues::question(context),
            Self::Allocations => allocations::question(context)?,
        })
    }
}

/// Measures all that the context asks for. In each round the contenders of a case come by turns, and each round begins with
/// another one, so that nobody always follows the same one.
pub(crate) fn measure(context: &Context) -> Outcome<Measured> {
    let mut measured = Measured::default();
    for &id in &context.questions {
        for case in id.ask(context)? {
            for round in 0..context.rounds {
                for place in 0..case.lanes.len() {
                    let lane = &case.lanes[(place + round) % case.lanes.len()];
                    let told = format!("{}: {}, {}, round {}", id.name(), case.name, lane.name, round + 1);
                    match (lane.measure)() {
                        Ok(values) => {
                            let shown: Vec<_> = values
                                .iter()
                                .map(|(metric, value)| format!("{value:.2} {}", metric.unit))
                                .collect();
                            eprintln!("{told}: {}", shown.join(", "));
                            for (metric, value) in values {
                                measured.add(round, (id, &case.name, lane.name), metric, value);
                            }
                        }
                        Err(error) => {
                            eprintln!("{told} FAILED: {error}");
                            measured.failures.push(format!("{told}: {error}"));
                        }
                    }
                }
            }
        }
    }
    Ok(measured)
}
