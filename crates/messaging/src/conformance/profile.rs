use std::time::Duration;

/// What a queue promises that its capabilities cannot say.
///
/// ```
/// use pip_services_messaging::conformance::{Delivery, Profile};
///
/// let profile = Profile { delivery: Delivery::AtLeastOnce, ..Profile::strict() };
/// assert!(profile.ordered);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// How often an acknowledged message arrives.
    pub delivery: Delivery,
    /// Whether the messages of one sender arrive in the order in which they were sent.
    pub ordered: bool,
    /// Who gets a message when several instances read one destination.
    pub sharing: Sharing,
    /// Whether messages that nobody has received outlive the close of the queue, and a restart of its broker.
    pub durable: bool,
    /// What of an envelope arrives.
    pub content: Content,
    /// The size of the largest payload in bytes; `None` is no limit.
    pub max_payload: Option<usize>,
    /// How long a received message stays hidden, in a queue with locks, in the cases that wait for the end of a
    /// lock. They set `options.lock_timeout` to it. A queue whose locks cannot be set tells how long they last.
    pub lock_time: Duration,
    /// How many unread messages the queue keeps; `None` is no limit. Beyond it a send fails, or a message is
    /// dropped and counted in `queue.<name>.dropped_messages`.
    pub max_backlog: Option<usize>,
}

impl Profile {
    /// The queue that promises everything: exactly once, in order, durable, whole envelopes, without limits,
    /// shared among its readers, with locks of half a second where the suite waits for their end.
    pub const fn strict() -> Self {
        Self {
            delivery: Delivery::ExactlyOnce,
            ordered: true,
            sharing: Sharing::Compete,
            durable: true,
            content: Content::Envelope,
            max_payload: None,
            lock_time: Duration::from_millis(500),
            max_backlog: None,
        }
    }
}

/// How often an acknowledged message arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Never lost, never repeated.
    ExactlyOnce,
    /// Never lost; the same message can arrive again now and then.
    AtLeastOnce,
    /// Never repeated; lost only when a connection breaks.
    AtMostOnce,
}

/// Who gets a message when several instances read one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// One of them.
    Compete,
    /// Each of them.
    FanOut,
}

/// What of an envelope arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Payload, ids, type and time.
    Envelope,
    /// The payload only.
    Payload,
}
