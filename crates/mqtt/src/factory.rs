use std::sync::Arc;

use pip_services_commons::refer::Descriptor;
use pip_services_components::{build::Factory, factory};
use pip_services_messaging::{MessageQueueFactory, message_queue_factory};

use crate::{MqttConnection, MqttMessageQueue};

/// Makes MQTT queues with its own configuration and references; ports `MqttMessageQueueFactory`.
///
/// It makes `pip-services:message-queue:mqtt:*:1.0`, named as the descriptor; see [`MessageQueueFactory`]. Its
/// parameters are those of an [`MqttMessageQueue`] that queues can share. Left out are `topic` and
/// `options.publish_topic`, as the topic of each queue is its name, and `client_id`, as two connections of one id take
/// each other's place for ever. So `options.clean_session: false`, which needs a `client_id`, is an error; queues of a
/// factory that are to keep their session share a connection that does.
///
/// ```
/// use pip_services_commons::config::{ConfigParams, IConfigurable};
/// use pip_services_messaging::{IMessageQueue, IMessageQueueFactory};
/// use pip_services_mqtt::MqttMessageQueueFactory;
///
/// let factory = MqttMessageQueueFactory::new();
/// factory.configure(&ConfigParams::from_tuples([("connection.host", "localhost"), ("options.qos", "1")]))?;
/// assert_eq!(factory.create_queue("orders")?.get_name(), "orders");
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct MqttMessageQueueFactory(MessageQueueFactory);
message_queue_factory!(MqttMessageQueueFactory);

impl MqttMessageQueueFactory {
    /// A factory that is not configured.
    pub fn new() -> Self {
        let locator = Descriptor::new("pip-services", "message-queue", "mqtt", "*", "1.0");
        let factory = MessageQueueFactory::new(locator, MqttMessageQueue::new);
        Self(factory.destination("topic").destination("options.publish_topic").destination("client_id"))
    }
}

/// Creates the components of this crate by descriptor; ports `DefaultMqttFactory`.
///
/// | descriptor | component |
/// |---|---|
/// | `pip-services:message-queue:mqtt:*:1.0` | [`MqttMessageQueue`], named as the descriptor |
/// | `pip-services:connection:mqtt:*:1.0` | [`MqttConnection`] |
/// | `pip-services:queue-factory:mqtt:*:1.0` | [`MqttMessageQueueFactory`] |
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
        let queue_factory = Descriptor::new("pip-services", "queue-factory", "mqtt", "*", "1.0");
        factory.register(queue_factory, |_| Ok(Arc::new(MqttMessageQueueFactory::new())));
        Self(factory)
    }
}
