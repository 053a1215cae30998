mod arrivals;
mod message_queue;
mod session;
mod setup;

pub use message_queue::MqttMessageQueue;
