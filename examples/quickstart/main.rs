//! A service composed from `config.yml`: it sends five orders over MQTT, handles them with a listener that
//! sends a receipt for each, and prints what it counted.
//!
//! It starts a broker of its own; `--broker HOST:PORT` uses another one.

// A program for a person to watch, so it prints.
#![allow(clippy::print_stdout)]

use std::{error::Error, sync::Arc, time::Duration};

use pip_services_commons::{config::ConfigParams, refer::ReferencesExt};
use pip_services_container::Container;
use pip_services_messaging::{DefaultMessagingFactory, IMessageQueue, MessageEnvelope};
use pip_services_mqtt::DefaultMqttFactory;
use pip_services_test_broker::{Engine, TestBroker};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/quickstart/config.yml");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, _broker) = match arguments.as_slice() {
        [] => {
            let broker = TestBroker::start(Engine::Embedded)?;
            (broker.address(), Some(broker))
        }
        [option, address] if option == "--broker" => (address.clone(), None),
        _ => return Err("usage: quickstart [--broker HOST:PORT]".into()),
    };
    let (host, port) = address.rsplit_once(':').ok_or("the broker must be HOST:PORT")?;

    // Compose the service: factories make the components that the file lists.
    let container = Container::new("quickstart");
    container.add_factory(Arc::new(DefaultMessagingFactory::new()));
    container.add_factory(Arc::new(DefaultMqttFactory::new()));
    let parameters = ConfigParams::from_tuples([("MQTT_HOST", host), ("MQTT_PORT", port)]);
    container.read_config_from_file(None, CONFIG, &parameters)?;
    container.open(None).await?;

    // Find its components by descriptor.
    let references = container.references();
    let orders = references.get_one_required::<dyn IMessageQueue>(&"*:message-queue:*:orders:*".parse()?)?;
    let receipts =
        references.get_one_required::<dyn IMessageQueue>(&"*:message-queue:*:receipts:*".parse()?)?;

    // Handle orders as they come. Ok completes a message; an error would be logged and counted.
    let receiver = {
        let receipts = receipts.clone();
        move |order: MessageEnvelope| {
            let receipts = receipts.clone();
            async move {
                println!("received {order}");
                let receipt = MessageEnvelope::new(order.correlation_id.as_deref(), "receipt", "paid");
                Ok(receipts.send(None, receipt).await?)
            }
        }
    };
    orders.clone().begin_listen(None, Arc::new(receiver))?;

    for (number, dish) in ["pizza", "soup", "salad", "pasta", "cake"].into_iter().enumerate() {
        let id = format!("order-{}", number + 1);
        orders.send(None, MessageEnvelope::new(Some(&id), "order", dish)).await?;
    }
    for _ in 0..5 {
        let receipt = receipts.receive(None, Duration::from_secs(10)).await?.ok_or("a receipt is missing")?;
        println!("receipt  {receipt}");
    }

    // Closes in reverse order; the counters are written to the log.
    container.close(None).await?;
    Ok(())
}
