//! How fast the memory queue is, beside channels: `cargo bench -p pip-services-messaging --bench speed`.
//!
//! Who is compared runs by turns, round after round, so that whatever else the machine does disturbs all alike.
//! What counts are the ratios, of which the median of all rounds is printed: criterion measures one function after
//! another, and knows no ratio.
//!
//! The queue does more than a channel: a message is locked while it is handled, and completed after it. Without
//! `--bench`, as `cargo test --all-targets` runs it, each measurement is one short round.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program whose purpose is to print figures")]

/// What is compared.
mod contenders;
/// How long a waiting receive takes to wake up.
mod latency;
/// Sends and receives through each contender.
mod rounds;
/// Medians and percentiles.
mod statistics;

use tokio::runtime::{Builder, Runtime};

/// How much is measured.
#[derive(Clone, Copy)]
struct Scale {
    rounds: usize,
    messages: usize,
    wake_ups: usize,
}

fn main() {
    let scale = match std::env::args().any(|argument| argument == "--bench") {
        true => Scale { rounds: 41, messages: 24_000, wake_ups: 5_000 },
        false => Scale { rounds: 1, messages: 1_200, wake_ups: 10 },
    };
    rounds::compare(scale);
    rounds::observed(scale);
    latency::compare(scale);
}

/// For one task.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// For several tasks.
fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}
