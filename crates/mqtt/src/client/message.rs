use std::{
    borrow::Cow,
    mem::{size_of, take},
    time::Duration,
};

use bytes::Bytes;

use crate::options::QoS;

/// The most bytes that a packet can have behind its first ones, which tell its kind and size.
pub(crate) const LARGEST_PACKET: usize = 268_435_455;

/// A message to publish.
pub(crate) struct Publication<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: Cow<'a, [u8]>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: MessageProperties,
}

impl Publication<'_> {
    /// How many bytes its packet has behind the first ones, and no less.
    pub(crate) fn packet_size(&self) -> usize {
        // The length of the topic, and the packet's id.
        2 + self.topic.len() + 2 + self.properties.packet_size() + self.payload.len()
    }
}

/// What travels beside the payload of a message. Only version 5 has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MessageProperties {
    pub(crate) user: Vec<(String, String)>,
    pub(crate) correlation_data: Option<Vec<u8>>,
    /// What the payload is, for other clients: nobody reads it here.
    pub(crate) content_type: Option<String>,
    /// How long the broker keeps the message for who is not there; nobody reads it here either.
    pub(crate) message_expiry: Option<Duration>,
}

impl MessageProperties {
    /// Takes the text of the first user property of that name.
    pub(crate) fn take_user(&mut self, name: &str) -> Option<String> {
        self.user.iter_mut().find(|(key, _)| key == name).map(|(_, value)| take(value))
    }

    /// How many bytes of a packet they take, and no less.
    fn packet_size(&self) -> usize {
        // The length of them all has up to four. Each begins with what it is, and a text with its length.
        let pair = |(key, value): &(String, String)| 1 + 2 + key.len() + 2 + value.len();
        4 + self.user.iter().map(pair).sum::<usize>()
            + self.content_type.as_ref().map_or(0, |text| 1 + 2 + text.len())
            + self.correlation_data.as_ref().map_or(0, |data| 1 + 2 + data.len())
            + self.message_expiry.map_or(0, |_| 1 + 4)
    }

    /// How many bytes of memory hang on those of a message that arrived.
    fn memory(&self) -> usize {
        let pair = |(key, value): &(String, String)| size_of::<(String, String)>() + key.len() + value.len();
        self.user.iter().map(pair).sum::<usize>() + self.correlation_data.as_ref().map_or(0, Vec::len)
    }
}

/// A message that arrived.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) properties: MessageProperties,
}

impl Delivery {
    /// How many bytes of memory it takes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.topic.len() + self.payload.len() + self.properties.memory()
    }
}
