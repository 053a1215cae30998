use std::time::Instant;

use crate::{
    child::Child,
    contenders::Start,
    job::{Job, Link, Pace, Task, Told},
    outcome::Outcome,
};

/// Starts a contender with a job.
pub(super) fn start(who: &Start, link: &Link, job: Job) -> Outcome<Child> {
    Child::start(who.command(&task(who, link, job))?)
}

pub(super) fn task(who: &Start, link: &Link, job: Job) -> Task {
    Task { contender: who.name().to_owned(), link: link.clone(), job }
}

/// Messages per second that one sends, until the broker has all.
pub(super) fn sent_per_second(who: &Start, link: &Link, pace: Pace, messages: usize) -> Outcome<f64> {
    let mut sender = start(who, link, Job::Send { pace, warm_up: messages.div_ceil(20), messages })?;
    sender.wait_for("ready")?;
    sender.go()?;
    Ok(messages as f64 / number(&sender.told()?, "seconds")?)
}

/// The most messages per second that one sends in any of its ways to send many. Each has a link of its own.
pub(super) fn most_sent(who: &Start, link: impl Fn() -> Link, messages: usize) -> Outcome<f64> {
    let mut most = 0.0;
    for pace in who.ways(&link()) {
        most = sent_per_second(who, &link(), pace, messages)?.max(most);
    }
    Ok(most)
}

/// What became of messages from one process to another.
pub(super) struct Journey {
    pub(super) per_second: f64,
    /// Processor time of each end, in seconds for 100 000 messages.
    pub(super) cpu_sender: f64,
    pub(super) cpu_receiver: f64,
    pub(super) sender: Told,
    pub(super) receiver: Told,
}

/// Sends messages from one process to a listener in another one. The time is that from the word to begin until the receiver
/// has all.
pub(super) fn journey(who: &Start, link: &Link, pace: Pace, messages: usize) -> Outcome<Journey> {
    let mut receiver = start(who, link, Job::Receive { messages })?;
    receiver.wait_for("ready")?;
    let mut sender = start(who, link, Job::Send { pace, warm_up: 0, messages })?;
    sender.wait_for("ready")?;
    let start = Instant::now();
    sender.go()?;
    receiver.wait_for("got")?;
    let per_second = messages as f64 / start.elapsed().as_secs_f64();
    let [sender, receiver] = [sender.told()?, receiver.told()?];
    let each = 100_000.0 / messages as f64;
    let [cpu_sender, cpu_receiver] = [number(&sender, "cpu")? * each, number(&receiver, "cpu")? * each];
    Ok(Journey { per_second, cpu_sender, cpu_receiver, sender, receiver })
}

/// The journeys of one in all its ways to send many. Each has a link of its own.
pub(super) fn journeys(who: &Start, link: impl Fn() -> Link, messages: usize) -> Outcome<Vec<Journey>> {
    who.ways(&link()).into_iter().map(|pace| journey(who, &link(), pace, messages)).collect()
}

/// The most messages per second of these.
pub(super) fn fastest(journeys: &[Journey]) -> f64 {
    journeys.iter().map(|journey| journey.per_second).fold(0.0, f64::max)
}

/// That with the least processor time.
pub(super) fn cheapest(journeys: Vec<Journey>) -> Outcome<Journey> {
    let cost = |journey: &Journey| journey.cpu_sender + journey.cpu_receiver;
    let cheapest = journeys.into_iter().min_by(|one, other| cost(one).total_cmp(&cost(other)));
    cheapest.ok_or_else(|| "there is no way to send".into())
}

pub(super) fn number(told: &Told, name: &str) -> Outcome<f64> {
    told.get(name).copied().ok_or_else(|| format!("a process does not tell {name}").into())
}
