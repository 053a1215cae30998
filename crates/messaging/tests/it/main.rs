//! Queues and what they are made of, and the conformance suite with queues that are made to fail it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code, of which clippy.toml's exceptions see only the functions marked as tests"
)]

/// What every queue has: its name, its parameters, what it logs and counts.
mod base;
/// What queues on a broker have: a bounded cache between the broker and the consumers.
mod cached;
/// What a queue can do, and what it refuses.
mod capabilities;
/// How many messages a listener handles at once.
mod concurrency;
/// Name, options, and what the queue counts.
mod configuration;
/// The memory queue passes the suite.
#[cfg(feature = "conformance")]
mod conformance;
/// The operations that every queue has.
#[cfg(feature = "test-util")]
mod contract;
/// What is delivered too often, or is not wanted.
mod dead_letters;
/// What any queue can do in terms of these.
mod extension;
/// Queues made by name and by descriptor.
mod factories;
/// Listening: its end, panics, and what a receiver may do.
mod listening;
/// Locks: expiry, renewal, settling.
mod locks;
/// Receivers of messages, with the one for tests.
#[cfg(feature = "test-util")]
mod receivers;
/// Sends that wait for room.
mod room;
/// Limits, clearing, closing.
mod storage;
/// The suite finds each fault, and only in the cases that are about it.
#[cfg(feature = "conformance")]
mod suite;
/// What the tests share.
mod support;
/// A queue with a cache, and its broker.
mod topic_queue;
/// What a listener does not keep: the queue, and messages whose handling was cut off.
mod unheld;
/// Waiting: what it needs, and who else runs meanwhile.
mod waiting;
