use std::time::Duration;

use pip_services_commons::refer::ReferencesExt;
use pip_services_mqtt::MqttConnection;
use pip_services_test_broker::{Engine, TestBroker};
use serde_json::{Value, json};

use crate::{
    gate::Gate,
    service::Service,
    support::{eventually, message, next, on_each_broker},
};

on_each_broker!(
    queues_share_a_connection_unless_they_have_their_own,
    a_queue_with_its_own_connection_is_at_its_own_broker,
    a_shared_connection_that_is_lost_comes_back_for_all_its_queues,
    of_several_connections_each_queue_takes_the_one_it_names,
);

fn connection(name: &str, port: u16) -> Value {
    json!({
        "descriptor": format!("pip-services:connection:mqtt:{name}:1.0"),
        "connection": {"host": "127.0.0.1", "port": port},
        "options": {"reconnect_timeout": 100},
    })
}

fn queue(name: &str, more: Value) -> Value {
    let mut queue = json!({
        "descriptor": format!("pip-services:message-queue:mqtt:{name}:1.0"),
        "options": {"qos": 1, "autosubscribe": true},
    });
    queue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    queue
}

fn own(port: u16) -> Value {
    json!({"connection": {"host": "127.0.0.1", "port": port}})
}

/// Sends a message through each queue and receives it there.
async fn assert_alive(service: &Service, names: &[&str]) {
    for name in names {
        let queue = service.queue(name);
        queue.send(None, message(name)).await.unwrap();
        assert_eq!(next(&*queue).await, *name);
    }
}

async fn queues_share_a_connection_unless_they_have_their_own(broker: TestBroker) {
    let gate = Gate::to(&broker).await;
    let service = Service::of(&[
        connection("default", gate.port),
        queue("a", json!({})),
        queue("b", json!({"dependencies": {"connection": "*:connection:mqtt:default:1.0"}})),
        queue("c", own(gate.port)),
    ]);
    service.open().await;
    assert_eq!(gate.connections(), 2);
    assert_alive(&service, &["a", "b", "c"]).await;

    // A queue closes its own connection, and leaves a shared one to the others.
    service.queue("c").close(None).await.unwrap();
    service.queue("a").close(None).await.unwrap();
    eventually("the own connection is closed", async || gate.connections() == 1).await;
    assert_alive(&service, &["b"]).await;
    service.close().await;
    gate.empty().await;
}

async fn a_queue_with_its_own_connection_is_at_its_own_broker(broker: TestBroker) {
    let other = TestBroker::start(Engine::Embedded).unwrap();
    let topic = json!({"topic": "shop/orders"});
    let with_topic = |mut more: Value| {
        more.as_object_mut().unwrap().extend(topic.as_object().unwrap().clone());
        more
    };
    let service = Service::of(&[
        connection("default", broker.port()),
        queue("here", with_topic(json!({}))),
        queue("there", with_topic(own(other.port()))),
    ]);
    service.open().await;
    let (here, there) = (service.queue("here"), service.queue("there"));
    for (sender, text) in [(&here, "here"), (&there, "there")] {
        sender.send(None, message(text)).await.unwrap();
    }
    assert_eq!((next(&*here).await, next(&*there).await), ("here".into(), "there".into()));
    for queue in [here, there] {
        assert!(queue.receive(None, Duration::from_millis(200)).await.unwrap().is_none());
    }
    service.close().await;
}

async fn a_shared_connection_that_is_lost_comes_back_for_all_its_queues(broker: TestBroker) {
    let service =
        Service::of(&[connection("default", broker.port()), queue("a", json!({})), queue("b", json!({}))]);
    service.open().await;
    let shared = service
        .container
        .references()
        .get_one_required::<MqttConnection>(&"*:connection:mqtt:*:1.0".parse().unwrap())
        .unwrap();
    broker.crash().unwrap();
    eventually("the loss is noticed", async || !shared.is_connected()).await;
    broker.restart().unwrap();
    eventually("the connection is back", async || shared.is_connected()).await;
    assert_alive(&service, &["a", "b"]).await;
    drop(shared);
    service.close().await;
}

async fn of_several_connections_each_queue_takes_the_one_it_names(broker: TestBroker) {
    let (first, second) = (Gate::to(&broker).await, Gate::to(&broker).await);
    let named = |name: &str| json!({"dependencies": {"connection": format!("pip-services:connection:mqtt:{name}:1.0")}});
    let service = Service::of(&[
        connection("first", first.port),
        connection("second", second.port),
        queue("a", named("first")),
        queue("b", named("second")),
    ]);
    service.open().await;
    assert_eq!((first.connections(), second.connections()), (1, 1));
    assert_alive(&service, &["a", "b"]).await;
    service.close().await;
    first.empty().await;
    second.empty().await;
}
