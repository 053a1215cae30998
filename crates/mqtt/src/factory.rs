use std::sync::Arc;

use pip_services_commons::refer::Descriptor;
use pip_services_components::{build::Factory, factory};

use crate::{MqttConnection, MqttMessageQueue};

/// Creates the components of this crate by descriptor; ports `DefaultMqttFactory`.
///
/// | descriptor | component |
/// |---|---|
/// | `pip-services:message-queue:mqtt:*:1.0` | [`MqttMessageQueue`], named as the descriptor |
/// | `pip-services:connection:mqtt:*:1.0` | [`MqttConnection`] |
pub struct DefaultMqttFactory(Factory);
factory!(DefaultMqttFactory);

impl DefaultMqttFactory {
    /// The factory.
    pub fn new() -> Self {
        let mut factory = Factory::new();
        let queue = Descriptor::new("pip-services", "message-queue", "mqtt", "*", "1.0");
        factory.register(queue, |locator| {
            Ok(Arc::new(MqttMessageQueue::new(locator.name().unwrap_or_default())))
        });
        let connection = Descriptor::new("pip-services", "connection", "mqtt", "*", "1.0");
        factory.register(connection, |_| Ok(Arc::new(MqttConnection::new())));
        Self(factory)
    }
}
