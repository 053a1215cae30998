use std::{mem::size_of, time::Duration};

use bytes::Bytes;

use crate::options::QoS;

/// A message to publish.
pub(crate) struct Publication<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: Bytes,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: MessageProperties,
}

/// What travels beside the payload of a message. Only version 5 has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MessageProperties {
    pub(crate) user: Vec<(String, String)>,
    pub(crate) content_type: Option<String>,
    pub(crate) correlation_data: Option<Bytes>,
    /// How long the broker keeps the message for who is not there.
    pub(crate) message_expiry: Option<Duration>,
}

impl MessageProperties {
    /// The first user property of that name.
    pub(crate) fn user(&self, name: &str) -> Option<&str> {
        self.user.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// How many bytes of memory hang on them.
    fn memory(&self) -> usize {
        let pair = |(key, value): &(String, String)| size_of::<(String, String)>() + key.len() + value.len();
        self.user.iter().map(pair).sum::<usize>()
            + self.content_type.as_ref().map_or(0, String::len)
            + self.correlation_data.as_ref().map_or(0, Bytes::len)
    }
}

/// A message that arrived.
pub(crate) struct Delivery {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) properties: MessageProperties,
    /// How to acknowledge it, where the client did not do so on arrival.
    pub(crate) ack: Option<Ack>,
}

impl Delivery {
    /// How many bytes of memory it takes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.topic.len() + self.payload.len() + self.properties.memory()
    }
}

/// Acknowledges a message. No client at hand offers it yet.
pub(crate) type Ack = Box<dyn FnOnce() + Send>;
