use std::time::Duration;

use pip_services_commons::config::ConfigParams;
use pip_services_container::ContainerConfigReader;
use pip_services_test_broker::TestBroker;

use crate::{
    gate::Gate,
    service::{Service, path},
    support::{message, next, on_each_broker},
};

on_each_broker!(
    a_service_from_yaml_runs_with_all_its_components,
    a_service_from_json_runs_with_all_its_components,
);

fn parameters(port: u16) -> ConfigParams {
    ConfigParams::from_tuples([("HOST", "127.0.0.1".to_owned()), ("PORT", port.to_string())])
}

#[test]
fn yaml_and_json_say_the_same() {
    for parameters in
        [parameters(1883), parameters(1883).override_with(&ConfigParams::from_tuples([("RETAIN", "1")]))]
    {
        let read = |name| ContainerConfigReader::read_from_file(None, path(name), &parameters).unwrap();
        let (yaml, json) = (read("shop.yml"), read("shop.json"));
        assert_eq!(yaml.components().len(), 6);
        assert_eq!(yaml, json);
    }
}

async fn a_service_from_yaml_runs_with_all_its_components(broker: TestBroker) {
    runs("shop.yml", broker).await;
}

async fn a_service_from_json_runs_with_all_its_components(broker: TestBroker) {
    runs("shop.json", broker).await;
}

async fn runs(file: &str, broker: TestBroker) {
    let gate = Gate::to(&broker).await;
    let service = Service::from_file(file, &parameters(gate.port));
    // More than once: nothing of the first life may be in the way of the second.
    for _ in 0..2 {
        service.open().await;
        for (name, texts) in [("drafts", ["a", "b"]), ("orders", ["c", "d"]), ("bills", ["e", "f"])] {
            let queue = service.queue(name);
            assert_eq!(queue.get_name(), name);
            for text in texts {
                queue.send(Some("123"), message(text)).await.unwrap();
            }
            assert_eq!([next(&*queue).await, next(&*queue).await], texts, "{name}");
            assert!(queue.receive(None, Duration::ZERO).await.unwrap().is_none(), "{name}");
            let counts = (service.count(name, "sent_messages"), service.count(name, "received_messages"));
            assert_eq!(counts, (2, 2), "{name}");
        }
        assert_eq!(gate.connections(), 1, "the queues share one connection");
        service.close().await;
        gate.empty().await;
    }
    // What the components told, in the order of their lives.
    let places = service.log.places(&[
        "[start:DEBUG] Connected to the MQTT broker",
        "[start:DEBUG] Opened queue [drafts]",
        "[start:DEBUG] Opened queue [orders]",
        "[start:DEBUG] Opened queue [bills]",
        "[start:INFO] Container service started",
        "[123:DEBUG] Sent message [123,test,a] via [drafts]",
        "[123:DEBUG] Received message [123,test,c] via [orders]",
        "[stop:DEBUG] Closed queue [bills]",
        "[stop:DEBUG] Closed queue [orders]",
        "[stop:DEBUG] Closed queue [drafts]",
        "[stop:DEBUG] Disconnected from the MQTT broker",
        "Counter queue.bills.received_messages Increment count=2",
        "Counter queue.orders.sent_messages Increment count=2",
        "[stop:INFO] Container service stopped",
    ]);
    assert!(places.is_sorted(), "{:#?}", service.log.lines());
}
