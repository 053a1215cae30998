//! The conformance suite: what every queue must hold, as tests that its author runs.
//!
//! A [`Fixture`] makes the queue, [`queue_conformance!`](crate::queue_conformance) makes one `#[test]` of each
//! case:
//!
//! ```
//! use pip_services_commons::config::IConfigurable;
//! use pip_services_messaging::{MemoryMessageQueue, conformance::Fixture, queue_conformance};
//!
//! fn fixture() -> Fixture {
//!     Fixture::new(|cx| async move {
//!         let queue = MemoryMessageQueue::new(cx.queue_name());
//!         queue.configure(&cx.config([("options.lock_timeout", 30_000)]))?;
//!         Ok(queue)
//!     })
//! }
//!
//! queue_conformance! { mod memory_queue; fixture = fixture; }
//! ```
//!
//! The suite brings the runtime, opens and closes the queues, and stops a case that hangs. What a failed case
//! had sent, acknowledged and received is in its message. A capability that the queue lacks is no reason to
//! skip a case: the case then proves that the operation is refused and does no harm.
//!
//! [`cases`] and [`run_case`] serve other test runners.
//!
//! | environment variable | default | |
//! |---|---|---|
//! | `CONFORMANCE_TIME_SCALE` | 1 | stretches all upper limits of time, for slow machines: `3` gives everything three times as long |
//! | `CONFORMANCE_STRESS` | 0 | `1` makes the cases that send many messages send ten times as many, with ten times the time for it |
//! | `CONFORMANCE_SEED` | random | the seed of random choices, to repeat a failed `model_walk`: its message names the seed |

mod capability;
mod case;
mod cases;
mod collector;
mod compare;
mod context;
mod exclusive;
mod faults;
mod fixture;
mod injection;
mod ledger;
mod lock_time;
mod macros;
mod observer;
mod operations;
mod outcome;
mod pace;
mod profile;
mod readers;
mod recovery;
mod runner;
mod settlement;
mod subject;

pub use context::QueueContext;
pub use faults::{FaultError, FaultInjector, OpenFailure};
pub use fixture::Fixture;
pub use outcome::{CaseFailure, Outcome};
pub use profile::{Content, Delivery, Profile, Sharing};
#[doc(hidden)]
pub use runner::__test;
pub use runner::{cases, run_case};
