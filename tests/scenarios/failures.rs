use std::net::TcpListener;

use pip_services_commons::{errors::ErrorCategory, refer::IReferences};
use pip_services_test_broker::TestBroker;
use serde_json::{Value, json};

use crate::{
    gate::Gate,
    service::Service,
    support::{message, next, on_each_broker},
};

on_each_broker!(
    an_open_that_fails_in_the_middle_closes_what_was_opened,
    a_service_that_could_not_be_opened_can_be_opened_later,
);

fn queue(name: &str, port: u16) -> Value {
    json!({
        "descriptor": format!("pip-services:message-queue:mqtt:{name}:1.0"),
        "connection": {"host": "127.0.0.1", "port": port},
        "options": {"qos": 1, "autosubscribe": true},
    })
}

async fn an_open_that_fails_in_the_middle_closes_what_was_opened(broker: TestBroker) {
    let gate = Gate::to(&broker).await;
    let closed_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let service = Service::of(&[
        json!({"descriptor": "pip-services:message-queue:memory:drafts:1.0"}),
        queue("orders", gate.port),
        queue("bills", closed_port),
        queue("never", gate.port),
    ]);
    let error = service.container.open(Some("start")).await.unwrap_err();
    assert_eq!((error.code(), error.category()), ("CONNECT_FAILED", &ErrorCategory::NoResponse));
    assert_eq!(error.detail("component"), Some("pip-services:message-queue:mqtt:bills:1.0"));
    assert!(!service.container.is_open());
    assert!(service.container.references().get_all().is_empty());
    gate.empty().await;

    let places = service.log.places(&[
        "Opened queue [drafts]",
        "Opened queue [orders]",
        "Container service cannot start",
        "Closed queue [orders]",
        "Closed queue [drafts]",
    ]);
    assert!(places.is_sorted(), "{:#?}", service.log.lines());
    assert!(
        !service.log.lines().iter().any(|line| line.contains("[never]") || line.contains("queue [bills]"))
    );
}

async fn a_service_that_could_not_be_opened_can_be_opened_later(broker: TestBroker) {
    let service = Service::of(&[queue("orders", broker.port())]);
    broker.stop().unwrap();
    for _ in 0..2 {
        assert_eq!(service.container.open(None).await.unwrap_err().code(), "CONNECT_FAILED");
    }
    broker.restart().unwrap();
    service.open().await;
    let orders = service.queue("orders");
    orders.send(None, message("a")).await.unwrap();
    assert_eq!(next(&*orders).await, "a");
    service.close().await;
}
