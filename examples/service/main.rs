//! A service to copy: it runs until it is told to stop, and answers each order with a receipt.
//!
//! ```text
//! cargo run --bin service -- --config examples/service/config.yml --param MQTT_HOST=localhost
//! ```
//!
//! What is of the service's own is the component in `order_handler.rs`. Everything around it, and how it is
//! linked, is in `config.yml`; what differs from place to place are the parameters of that file.

mod order_handler;

use std::{env, process::ExitCode, sync::Arc};

use pip_services_commons::refer::Descriptor;
use pip_services_components::build::Factory;
use pip_services_container::ProcessContainer;
use pip_services_messaging::DefaultMessagingFactory;
use pip_services_mqtt::DefaultMqttFactory;

use crate::order_handler::OrderHandler;

#[tokio::main]
async fn main() -> ExitCode {
    let process = ProcessContainer::new("service");
    process.add_factory(Arc::new(DefaultMessagingFactory::new()));
    process.add_factory(Arc::new(DefaultMqttFactory::new()));

    let mut own = Factory::new();
    let handler = Descriptor::new("shop", "order-handler", "default", "*", "1.0");
    own.register(handler, |_| Ok(Arc::new(OrderHandler::default())));
    process.add_factory(Arc::new(own));

    process.run(env::args_os().skip(1)).await.into()
}
