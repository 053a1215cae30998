use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many messages are on their way at once, where many are and nothing else is said.
pub(crate) const WINDOW: usize = 100;

/// What a measured process is asked to do. Travels in JSON, as its last argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) contender: String,
    pub(crate) link: Link,
    pub(crate) job: Job,
}

/// What goes where.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) port: u16,
    /// A topic of this measurement alone; the topics of its queues are below it.
    pub(crate) topic: String,
    /// How many queues or topics there are on one connection.
    pub(crate) queues: usize,
    pub(crate) qos: u8,
    /// The size of each payload in bytes.
    pub(crate) payload: usize,
    /// Whether the payload travels in an envelope, for who has one.
    pub(crate) envelope: bool,
}

impl Link {
    /// The topic of a message, which go round the queues.
    pub(crate) fn topic_of(&self, queue: usize) -> String {
        format!("{}/{}", self.topic, queue % self.queues)
    }

    /// The topic of the messages that are waited for to know that those before have arrived. Nobody subscribes to it.
    pub(crate) fn fence(&self) -> String {
        format!("{}-fence", self.topic)
    }

    pub(crate) fn topics(&self) -> Vec<String> {
        (0..self.queues).map(|queue| self.topic_of(queue)).collect()
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum Job {
    /// Send that many messages when told to. Those of the warm-up come before.
    Send { pace: Pace, warm_up: usize, messages: usize },
    /// Receive that many messages.
    Receive { messages: usize },
    /// Send message after message to oneself, on another connection.
    Latency { how: Reception, messages: usize },
    /// Send a message to oneself.
    Start,
    /// Send and receive messages, and count what is allocated meanwhile.
    Allocations { pace: Pace, messages: usize },
}

/// How messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pace {
    /// One after the other, each awaited.
    Awaited,
    /// By 100 tasks that await each.
    Tasks,
    /// By `send_batch`.
    Batch,
    /// By one task that has so many on their way at once.
    Window(usize),
}

impl Pace {
    /// How many messages are on their way at once.
    pub(crate) fn window(self) -> usize {
        match self {
            Self::Awaited => 1,
            Self::Tasks | Self::Batch => WINDOW,
            Self::Window(window) => window,
        }
    }
}

/// How messages are received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reception {
    /// By one call for each message, which waits for it.
    Receive,
    /// By code that is called with each message.
    Listen,
}

/// What a measured process tells at its end, by name.
pub(crate) type Told = BTreeMap<String, f64>;
