//! How fast the MQTT queue is and what it costs, beside who does the same: the client crate that it stands on,
//! another client in Rust, and the toolkit's queue for Python.
//!
//! The program that a user starts only leads. Each measurement is a process of its own, the program itself again (or
//! Python), so that time, memory and threads of one are nobody else's. All contenders are measured by turns, round
//! after round, against one broker, and what counts are the medians and the ratios within a round: whatever else the
//! machine does disturbs all alike.
//!
//! A message counts when it did what the question says. To have sent at QoS 0 means that the broker has it: a last
//! message at QoS 1 on the same connection is waited for, as the broker answers it after all before.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program whose purpose is to print figures")]

mod arguments;
mod child;
mod contenders;
mod context;
mod figures;
mod job;
mod machine;
mod outcome;
mod questions;
mod report;
mod statistics;
mod worker;

use std::process::ExitCode;

use clap::Parser;

use crate::{arguments::Arguments, context::Context, outcome::Outcome};

/// Leads the measurements, or is one where it was started as such.
pub fn run() -> ExitCode {
    ended(if worker::is_worker() { worker::run(None) } else { lead() })
}

/// Is a measurement of a process whose allocations are counted by this.
pub fn run_counting(allocations: fn() -> usize) -> ExitCode {
    ended(worker::run(Some(allocations)))
}

fn ended(outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn lead() -> Outcome<()> {
    let arguments = Arguments::parse();
    let context = Context::new(&arguments)?;
    let measured = questions::measure(&context)?;
    report::write(&context, &measured)
}
