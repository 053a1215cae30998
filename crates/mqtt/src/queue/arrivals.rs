use std::sync::Arc;

use pip_services_messaging::{MessageBuffer, MessageQueue};

use crate::{client::Delivery, codec, router::MqttMessageListener};

/// Takes what arrives on the queue's topic.
pub(super) struct Arrivals {
    pub(super) base: Arc<MessageQueue>,
    pub(super) buffer: MessageBuffer,
    pub(super) serialize_envelope: bool,
}

impl MqttMessageListener for Arrivals {
    fn on_message(&self, delivery: &Delivery) {
        match codec::decode(&delivery.topic, delivery.payload.clone(), self.serialize_envelope) {
            Ok(envelope) => {
                self.base.received(&envelope);
                if let Some(dropped) = self.buffer.push(envelope) {
                    self.base.dropped(&dropped);
                }
            }
            Err(error) => self.base.malformed(&error, &format!("topic '{}'", delivery.topic)),
        }
    }
}
