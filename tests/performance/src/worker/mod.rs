//! A process that is measured.

mod allocations;
mod arrivals;
mod latency;
mod receive;
mod send;
mod start;
mod usage;

use std::io::{self, Write};

use crate::{
    contenders::{Contender, Ours, Paho, Relayed, Rumqttc},
    job::{Job, Task, Told},
    outcome::Outcome,
};

/// The first argument of a measured process, before its task.
pub(crate) const ARGUMENT: &str = "measured";

pub(crate) fn is_worker() -> bool {
    std::env::args().nth(1).as_deref() == Some(ARGUMENT)
}

/// Does the task that the arguments name, tells what it measured, and ends the process: nothing that a client has left to
/// do should count, or hold it up.
pub(crate) fn run(allocations: Option<fn() -> usize>) -> Outcome<()> {
    let task = std::env::args()
        .nth(2)
        .ok_or("there is no task; this program is started by pip-services-performance")?;
    let task: Task = serde_json::from_str(&task)?;
    // As `#[tokio::main]` does it.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let told = runtime.block_on(async {
        match task.contender.as_str() {
            Ours::NAME => work::<Ours>(&task, allocations).await,
            Paho::NAME => work::<Paho>(&task, allocations).await,
            Relayed::NAME => work::<Relayed>(&task, allocations).await,
            Rumqttc::NAME => work::<Rumqttc>(&task, allocations).await,
            other => Err(format!("nobody is called {other}").into()),
        }
    })?;
    say(&format!("done {}", serde_json::to_string(&told)?))?;
    std::process::exit(0)
}

async fn work<C: Contender>(task: &Task, allocations: Option<fn() -> usize>) -> Outcome<Told> {
    let link = &task.link;
    match task.job {
        Job::Send { pace, warm_up, messages } => send::send::<C>(link, pace, warm_up, messages).await,
        Job::Receive { messages } => receive::receive::<C>(link, messages).await,
        Job::Latency { how, messages } => latency::latency::<C>(link, how, messages).await,
        Job::Start => start::start::<C>(link).await,
        Job::Allocations { pace, messages } => {
            let allocations = allocations.ok_or("nobody counts allocations in this program")?;
            allocations::allocations::<C>(link, pace, messages, allocations).await
        }
    }
}

/// Says a line to whoever leads.
fn say(line: &str) -> Outcome<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

/// Waits until it is told to begin.
fn wait_for_go() -> Outcome<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    if line.trim() == "go" { Ok(()) } else { Err("nobody leads any more".into()) }
}
