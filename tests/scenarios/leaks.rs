use std::{
    any::type_name,
    sync::{Arc, Weak},
};

use pip_services_commons::refer::{Component, IReferences};
use pip_services_messaging::MessageEnvelope;
use pip_services_test_broker::TestBroker;
use serde_json::json;

use crate::{
    gate::Gate,
    service::Service,
    support::{eventually, message, next, on_each_broker},
};

on_each_broker!(a_closed_service_keeps_no_component, a_dropped_service_keeps_no_component_and_no_connection);

fn service(port: u16) -> Service {
    Service::of(&[
        json!({"descriptor": "pip-services:counters:log:default:1.0"}),
        json!({"descriptor": "pip-services:discovery:memory:default:1.0"}),
        json!({"descriptor": "pip-services:credential-store:memory:default:1.0"}),
        json!({
            "descriptor": "pip-services:connection:mqtt:default:1.0",
            "connection": {"host": "127.0.0.1", "port": port},
        }),
        json!({"descriptor": "pip-services:queue-factory:memory:default:1.0"}),
        json!({"descriptor": "pip-services:queue-factory:mqtt:default:1.0"}),
        json!({"descriptor": "pip-services:message-queue:memory:drafts:1.0"}),
        json!({
            "descriptor": "pip-services:message-queue:mqtt:orders:1.0",
            "options": {"qos": 1, "autosubscribe": true},
        }),
        json!({
            "descriptor": "pip-services:message-queue:mqtt:bills:1.0",
            "connection": {"host": "127.0.0.1", "port": port},
            "options": {"qos": 1, "autosubscribe": true},
        }),
    ])
}

/// All components, by name, without keeping them. Those of the container itself are left out.
fn components(service: &Service) -> Vec<(&'static str, Weak<dyn Component>)> {
    let components = service.container.references().get_all();
    let named: Vec<_> =
        components.iter().map(|component| (component.type_name(), Arc::downgrade(component))).collect();
    let kept_by_container = type_name::<pip_services_container::DefaultContainerFactory>();
    named.into_iter().filter(|(name, _)| *name != kept_by_container).collect()
}

async fn assert_gone(components: &[(&'static str, Weak<dyn Component>)]) {
    let kept = || {
        let kept = components.iter().filter(|(_, component)| component.strong_count() > 0);
        kept.map(|(name, _)| *name).collect::<Vec<_>>()
    };
    let deadline = tokio::time::Instant::now() + crate::support::SOON;
    while !kept().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "kept: {:?}", kept());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

async fn a_closed_service_keeps_no_component(broker: TestBroker) {
    let gate = Gate::to(&broker).await;
    let service = service(gate.port);
    service.open().await;
    // A listener that holds queues, one of which is its own.
    {
        let (orders, drafts) = (service.queue("orders"), service.queue("drafts"));
        let held = (orders.clone(), drafts.clone());
        let receiver = move |envelope: MessageEnvelope| {
            let (_orders, drafts) = held.clone();
            async move { Ok(drafts.send(None, envelope).await?) }
        };
        orders.clone().begin_listen(None, Arc::new(receiver)).unwrap();
        orders.send(None, message("a")).await.unwrap();
        assert_eq!(next(&*drafts).await, "a");
        let bills = service.queue("bills");
        bills.send(None, message("b")).await.unwrap();
        assert_eq!(next(&*bills).await, "b");
    }
    let components = components(&service);
    assert!(components.len() >= 11, "{}", components.len());
    service.close().await;
    assert_gone(&components).await;
    gate.empty().await;
}

async fn a_dropped_service_keeps_no_component_and_no_connection(broker: TestBroker) {
    let gate = Gate::to(&broker).await;
    let service = service(gate.port);
    service.open().await;
    assert_eq!(gate.connections(), 2);
    let components = components(&service);
    drop(service);
    assert_gone(&components).await;
    eventually("every connection is closed", async || gate.connections() == 0).await;
}
