use std::sync::Arc;

use pip_services_commons::refer::ReferencesExt;
use pip_services_messaging::{IMessageQueueExt, IMessageQueueFactory};
use pip_services_test_broker::TestBroker;
use serde_json::json;

use crate::{
    service::Service,
    support::{next, on_each_broker},
};

on_each_broker!(a_queue_factory_of_the_file_makes_the_queues_that_are_asked_for_later);

async fn a_queue_factory_of_the_file_makes_the_queues_that_are_asked_for_later(broker: TestBroker) {
    let service = Service::of(&[
        json!({
            "descriptor": "pip-services:connection:mqtt:default:1.0",
            "connection": {"host": broker.host(), "port": broker.port()},
        }),
        json!({
            "descriptor": "pip-services:queue-factory:mqtt:default:1.0",
            "topic": "of/the/factory",
            "options": {"qos": 1, "autosubscribe": true},
        }),
        // Listed last, and counting for the queues all the same.
        json!({"descriptor": "pip-services:counters:log:default:1.0"}),
    ]);
    service.open().await;
    let locator = "*:queue-factory:mqtt:*:*".parse().unwrap();
    let factory: Arc<dyn IMessageQueueFactory> =
        service.container.references().get_one_required(&locator).unwrap();
    let bills = factory.create_queue("bills").unwrap();
    assert_eq!(bills.get_name(), "bills");
    bills.open(None).await.unwrap();
    // Without the factory's `autosubscribe` it would reach nobody.
    bills.send_text(None, "test", "one").await.unwrap();
    assert_eq!(next(&*bills).await, "one");
    assert_eq!(service.count("bills", "received_messages"), 1, "it is not linked");
    bills.close(None).await.unwrap();
    service.close().await;
}
