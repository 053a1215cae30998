//! The suite is tested itself: each queue with a fault fails exactly the cases that are about it.

/// Queues with one fault each, over the memory queue.
mod broken;
/// What the suite does with a case, whatever the case is about.
mod frame;
/// A queue on a broker that can be broken.
mod remote;
/// Runs all cases.
mod run;

/// Faults so small that a single assertion finds each.
mod assertions;
/// Faults that the cases about counting, peeking and clearing find.
mod counting;
/// Faults that the cases about payloads and envelopes find.
mod fidelity;
/// Queues that can do less, or do it in another way, pass the suite as well.
mod kinds;
/// Faults that the cases about opening and closing find.
mod lifecycle;
/// Faults that the cases about listeners find.
mod listeners;
/// Faults that the cases about locks find.
mod locks;
/// Faults of a broker's queue, and of what happens when the broker fails.
mod remotes;
/// Faults that the cases about many messages find.
mod stress;
/// Faults that the cases about waiting and copies find.
mod timing;
