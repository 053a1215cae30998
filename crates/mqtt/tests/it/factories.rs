use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::cast,
};
use pip_services_components::build::IFactory;
use pip_services_messaging::{
    IMessageQueue, IMessageQueueConnection, IMessageQueueExt, IMessageQueueFactory,
};
use pip_services_mqtt::{DefaultMqttFactory, MqttMessageQueueFactory};
use pip_services_test_broker::TestBroker;

use crate::support::{SOON, config, on_each_broker, open, text};

on_each_broker!(created_queues_have_their_own_names_and_topics_and_the_factorys_broker);

async fn created_queues_have_their_own_names_and_topics_and_the_factorys_broker(broker: TestBroker) {
    let factory = MqttMessageQueueFactory::new();
    let of_the_factory = [
        ("descriptor", "pip-services:queue-factory:mqtt:default:1.0"),
        ("name", "of the factory"),
        ("topic", "of/the/factory"),
        ("options.publish_topic", "of/the/factory"),
        ("client_id", "of-the-factory"),
    ];
    factory.configure(&config(&broker, &of_the_factory)).unwrap();
    let queues = ["orders", "bills"].map(|name| factory.create_queue(name).unwrap());
    for queue in &queues {
        queue.open(None).await.unwrap();
    }
    // Two of one client id would take each other's connection.
    for (queue, name) in queues.iter().zip(["orders", "bills"]) {
        assert_eq!(queue.get_name(), name);
        let sender = open(&broker, "sender", &[("topic", name)]).await;
        sender.send_text(None, "test", name).await.unwrap();
        assert_eq!(text(&queue.receive(None, SOON).await.unwrap().expect("no message came")), name);
        queue.send_text(None, "test", "from itself").await.unwrap();
        assert_eq!(
            text(&queue.receive(None, SOON).await.unwrap().expect("it went elsewhere")),
            "from itself"
        );
    }
}

#[test]
fn a_wrong_configuration_is_an_error_of_the_factory_and_not_of_its_queues() {
    let factory = MqttMessageQueueFactory::new();
    let wrong = ConfigParams::from_tuples([("options.qos", "5")]);
    assert_eq!(factory.configure(&wrong).unwrap_err().code(), "BAD_QOS");
    let kept = ConfigParams::from_tuples([("client_id", "one-for-all"), ("options.clean_session", "false")]);
    assert_eq!(factory.configure(&kept).unwrap_err().code(), "NO_CLIENT_ID");
    assert_eq!(factory.create_queue("orders").unwrap().get_name(), "orders");
}

#[test]
fn the_default_factory_makes_queues_connections_and_factories_of_queues_by_descriptor() {
    let factory = DefaultMqttFactory::new();
    let made = |descriptor: &str| factory.create(&descriptor.parse().unwrap()).unwrap();
    let queue = cast::<dyn IMessageQueue>(&made("pip-services:message-queue:mqtt:orders:1.0")).unwrap();
    assert_eq!(queue.get_name(), "orders");
    assert!(cast::<dyn IMessageQueueConnection>(&made("pip-services:connection:mqtt:main:1.0")).is_some());
    let queues = made("pip-services:queue-factory:mqtt:main:1.0");
    let queues = cast::<dyn IMessageQueueFactory>(&queues).unwrap();
    assert_eq!(queues.create_queue("orders").unwrap().get_name(), "orders");
}
