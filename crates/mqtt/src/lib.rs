//! The MQTT message queue of the pip-services toolkit.
//!
//! * [`MqttMessageQueue`]: a queue on a topic of a broker;
//! * [`MqttConnection`]: a connection that several queues share through the references;
//! * [`MqttMessageQueueFactory`]: makes queues by name;
//! * [`DefaultMqttFactory`]: all of them by descriptor.
//!
//! ```no_run
//! use std::time::Duration;
//! use pip_services_commons::{config::{ConfigParams, IConfigurable}, run::{IClosable, IOpenable}};
//! use pip_services_messaging::{IMessageQueue, MessageEnvelope};
//! use pip_services_mqtt::MqttMessageQueue;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
//! let queue = MqttMessageQueue::new("orders");
//! queue.configure(&ConfigParams::from_tuples([
//!     ("connection.host", "localhost"),
//!     ("options.autosubscribe", "true"),
//!     ("options.qos", "1"),
//! ]))?;
//! queue.open(None).await?;
//! queue.send(None, MessageEnvelope::new(Some("123"), "order", "one pizza")).await?;
//! let envelope = queue.receive(None, Duration::from_secs(1)).await?;
//! queue.close(None).await?;
//! # Ok(()) }
//! ```

mod client;
mod codec;
mod connection;
mod counters;
mod factory;
mod in_flight;
mod options;
mod queue;
mod resolver;
mod router;
mod secret;
mod session;
mod text;
mod topic;
mod transport;

pub use connection::MqttConnection;
pub use factory::{DefaultMqttFactory, MqttMessageQueueFactory};
pub use queue::MqttMessageQueue;
