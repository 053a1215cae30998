//! What tests of whole programs share: running them, and Mosquitto's command-line clients as the other side.
//!
//! Nothing here sleeps and hopes: what is waited for is polled or read up to [`SOON`], and what does not come
//! fails the test with everything that the program wrote.

// What goes wrong here fails the test that asked for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod brokers;
mod lines;
pub mod mosquitto;
mod running;

use std::time::{Duration, Instant};

pub use lines::Lines;
pub use running::{Ended, Running, run};

#[doc(hidden)]
pub use pip_services_test_broker as test_broker;

/// What README shows in full compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Long enough for anything that must happen on a loaded machine.
pub const SOON: Duration = Duration::from_secs(30);

/// Does something again and again until an answer to it comes: how a test learns that somebody has subscribed,
/// which no broker tells. `answered` waits for the answer as long as it is told.
///
/// # Panics
/// If no answer comes soon.
pub fn probe(mut ask: impl FnMut(), mut answered: impl FnMut(Duration) -> bool) {
    let deadline = Instant::now() + SOON;
    loop {
        ask();
        if answered(Duration::from_millis(50)) {
            return;
        }
        assert!(Instant::now() < deadline, "nothing answered");
    }
}
