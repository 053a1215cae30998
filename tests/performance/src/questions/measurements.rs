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

/// What became of messages from one process to another.
pub(super) struct Journey {
    pub(super) per_second: f64,
    pub(super) sender: Told,
    pub(super) receiver: Told,
}

/// Sends messages from one process to a listener in another one. The time is that from the word to begin until the receiver
/// has all.
pub(super) fn journey(who: &Start, link: &Link, messages: usize) -> Outcome<Journey> {
    let mut receiver = start(who, link, Job::Receive { messages })?;
    receiver.wait_for("ready")?;
    let mut sender = start(who, link, Job::Send { pace: Pace::Batch, warm_up: 0, messages })?;
    sender.wait_for("ready")?;
    let start = Instant::now();
    sender.go()?;
    receiver.wait_for("got")?;
    let per_second = messages as f64 / start.elapsed().as_secs_f64();
    Ok(Journey { per_second, sender: sender.told()?, receiver: receiver.told()? })
}

pub(super) fn number(told: &Told, name: &str) -> Outcome<f64> {
    told.get(name).copied().ok_or_else(|| format!("a process does not tell {name}").into())
}
