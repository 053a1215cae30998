use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use pip_services_messaging::{MessageBuffer, MessageQueue};

use crate::{client::Delivery, codec, router::MqttMessageListener};

/// Takes what arrives on the queue's topic.
pub(super) struct Arrivals {
    pub(super) base: Arc<MessageQueue>,
    pub(super) buffer: MessageBuffer,
    pub(super) serialize_envelope: bool,
    /// Whether the last message found no room.
    pub(super) overflowing: AtomicBool,
}

impl MqttMessageListener for Arrivals {
    fn on_message(&self, delivery: &Delivery) {
        match codec::decode(&delivery.topic, delivery.payload.clone(), self.serialize_envelope) {
            Ok(envelope) => {
                // Counters and loggers are other people's code: a panic there must not cost the message.
                let counted = catch_unwind(AssertUnwindSafe(|| self.base.received(&envelope)));
                match self.buffer.push(envelope) {
                    Some(dropped) => {
                        self.base.dropped(&dropped, !self.overflowing.swap(true, Ordering::Relaxed))
                    }
                    None => self.overflowing.store(false, Ordering::Relaxed),
                }
                counted.unwrap_or_else(|panic| resume_unwind(panic));
            }
            Err(error) => self.base.malformed(&error, &format!("topic '{}'", delivery.topic)),
        }
    }
}
