use pip_services_messaging::MessageInbox;

use crate::{client::Delivery, codec, router::MqttMessageListener};

/// Takes what arrives on the queue's topic.
pub(super) struct Arrivals {
    pub(super) inbox: MessageInbox,
    pub(super) serialize_envelope: bool,
}

impl MqttMessageListener for Arrivals {
    fn on_message(&self, delivery: Delivery) {
        match codec::decode(delivery, self.serialize_envelope) {
            Ok(envelope) => self.inbox.push(envelope),
            Err((topic, error)) => self.inbox.malformed(&error, &format!("topic '{topic}'")),
        }
    }
}
