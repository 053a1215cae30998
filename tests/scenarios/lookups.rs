use pip_services_commons::errors::ErrorCategory;
use pip_services_test_broker::{Engine, TestBroker};
use serde_json::{Value, json};

use crate::{
    service::Service,
    support::{message, next},
};

const PASSWORD: &str = "hunter2;=# {{";

/// A service whose queue finds its broker and its credential by their keys.
fn service(broker: &TestBroker, credential: &Value, store_key: &str) -> Service {
    Service::of(&[
        json!({
            "descriptor": "pip-services:discovery:memory:default:1.0",
            "elsewhere": {"host": "nowhere.invalid"},
            "broker": {"host": broker.host(), "port": broker.port()},
        }),
        json!({
            "descriptor": "pip-services:credential-store:memory:default:1.0",
            "somebody": {"username": "somebody", "password": "else"},
            "broker": credential,
        }),
        json!({
            "descriptor": "pip-services:connection:mqtt:default:1.0",
            "connection": {"discovery_key": "broker"},
            "credential": {"store_key": store_key},
        }),
        json!({
            "descriptor": "pip-services:message-queue:mqtt:orders:1.0",
            "options": {"qos": 1, "autosubscribe": true},
        }),
    ])
}

async fn lookups(engine: Engine) {
    let broker = TestBroker::builder(engine).user("me", PASSWORD).start().unwrap();
    let right = json!({"username": "me", "password": PASSWORD});
    let found = service(&broker, &right, "broker");
    found.open().await;
    let orders = found.queue("orders");
    orders.send(None, message("a")).await.unwrap();
    assert_eq!(next(&*orders).await, "a");
    found.close().await;
    assert!(!format!("{:?}", found.log.lines()).contains("hunter2"), "{:?}", found.log.lines());

    let wrong = json!({"username": "me", "password": "hunter3"});
    for (credential, key, code, category) in [
        (&wrong, "broker", "CONNECT_FAILED", ErrorCategory::Unauthorized),
        (&right, "somebody", "CONNECT_FAILED", ErrorCategory::Unauthorized),
        (&right, "nobody", "MISSING_CREDENTIALS", ErrorCategory::Misconfiguration),
    ] {
        let service = service(&broker, credential, key);
        let error = service.container.open(None).await.unwrap_err();
        assert_eq!((error.code(), error.category()), (code, &category), "{key}");
        let shown = format!("{error:?} {error:#} {:?}", service.log.lines());
        assert!(!shown.contains("hunter"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_broker_and_its_credential_are_found_by_their_keys() {
    lookups(Engine::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_and_its_credential_are_found_by_their_keys() {
    lookups(Engine::Mosquitto).await;
}
