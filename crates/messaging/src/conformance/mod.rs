//! The conformance suite: what every queue must hold, as tests that its author runs.
//!
//! # How to run it
//!
//! The crate is a dev-dependency with the feature `conformance`. A [`Fixture`] makes the queue, and
//! [`queue_conformance!`](crate::queue_conformance) makes one `#[test]` of each of the [60 cases](cases()):
//!
//! ```
//! // tests/conformance.rs
//! use pip_services_commons::{config::IConfigurable, refer::IReferenceable};
//! use pip_services_messaging::{MemoryMessageQueue, conformance::{Fixture, Profile}, queue_conformance};
//!
//! fn fixture() -> Fixture {
//!     Fixture::new(|cx| async move {                     // called for each queue that a case needs
//!         let queue = MemoryMessageQueue::new(cx.queue_name()); // unique to the case and the run
//!         queue.configure(&cx.config([("options.max_messages", 50_000)]))?;
//!         queue.set_references(&cx.references())?;       // shows the suite what it logs and counts
//!         Ok(queue)                                      // not open: the suite opens it
//!     })
//!     .profile(Profile { max_backlog: Some(50_000), ..Profile::strict() })
//!     .cleanable::<MemoryMessageQueue>()
//!     .dead_letters(|queue: std::sync::Arc<MemoryMessageQueue>| async move { Ok(queue.dead_letters()) })
//! }
//!
//! queue_conformance! { mod memory_queue; fixture = fixture; }
//! ```
//!
//! The suite brings the runtime, opens and closes the queues, and stops a case that hangs after 30 seconds. The message
//! of a failed case tells what must hold, what does not, and what was sent, acknowledged and received. Other test
//! runners use [`cases()`] and [`run_case`]. `examples/channel-queue` of the repository is a small queue with its tests.
//!
//! # What the queue promises
//!
//! [`Profile`] tells what the capabilities cannot: how often and in which order messages arrive, who gets them, what
//! outlives a close, and limits. [`Profile::strict`] promises everything; take back what the queue does not promise,
//! and the cases ask for no more. A queue that delivers [at least once](Delivery::AtLeastOnce) may repeat a message now
//! and then, so a case that saw one twice is tried again, but not more than twice.
//!
//! # What the queue cannot do
//!
//! Each case needs some of the [capabilities](crate::MessagingCapabilities). Where one is missing, the same case sees
//! to it that the operation is refused: with `NOT_SUPPORTED` within a second, no message lost or doubled, and the queue
//! goes on working. Its [`Outcome`] is then [`Refused`](Outcome::Refused) and not [`Passed`](Outcome::Passed).
//! `complete` has no capability: on a queue without locks it is Ok and does nothing.
//!
//! # Hooks
//!
//! What is no operation of [`IMessageQueue`](crate::IMessageQueue) the fixture has to tell:
//!
//! | hook | for | without it |
//! |---|---|---|
//! | [`QueueContext::references`] | what the queue logs and counts | what is dropped or malformed counts as silent |
//! | [`Fixture::cleanable`] | `can_clear` | the cases about clearing fail |
//! | [`Fixture::dead_letters`] | `can_dead_letter` | the case about dead letters fails |
//! | [`Fixture::faults`] | a broker and a network that can be broken | the cases marked *faults* are `#[ignore]`d |
//!
//! A [`FaultInjector`] has a hook for each fault; one that it does not offer keeps the case from running, which fails the
//! test. For a queue with one, say `queue_conformance! { mod my_queue; fixture = fixture; faults; }`. These cases run
//! one at a time, also where each test has a process of its own, and get their queues from the broker that
//! [`QueueContext::breaks_broker`] tells of.
//!
//! # Known gaps
//!
//! [`Fixture::known_gap`] names a case that the queue fails, and why. Its failure is then written to the standard error
//! stream, and the test passes; once the case passes, the test fails until the gap is taken back.
//!
//! # Environment
//!
//! | variable | |
//! |---|---|
//! | `CONFORMANCE_TIME_SCALE` | stretches all upper limits of time, for slow machines: `3` is three times as long |
//! | `CONFORMANCE_STRESS` | `1` makes the cases marked *stress* send ten times as much, in ten times the time |
//! | `CONFORMANCE_SEED` | the seed that a failed random case has told, to run it again |

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
