use std::sync::Arc;

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{
        Component, Descriptor, IReferenceable, IReferences, IUnreferenceable, References, ReferencesExt, cast,
    },
};
use pip_services_components::{build::IFactory, count::LogCounters};
use pip_services_messaging::{
    DefaultMessagingFactory, IMessageQueue, IMessageQueueExt, IMessageQueueFactory, MemoryMessageQueue,
    MemoryMessageQueueFactory, MessageQueueFactory,
};

use crate::{
    support::{Recorder, count},
    topic_queue::{Broker, TopicQueue},
};

fn locator(text: &str) -> Descriptor {
    text.parse().unwrap()
}

fn queue_of(component: &Arc<dyn Component>) -> Arc<dyn IMessageQueue> {
    cast(component).expect("it is no queue")
}

/// The configuration that a factory gets from a file, with a limit that shows that it came through.
fn entry() -> ConfigParams {
    ConfigParams::from_tuples([
        ("descriptor", "pip-services:queue-factory:memory:default:1.0"),
        ("name", "by name"),
        ("id", "by id"),
        ("queue", "by queue"),
        ("options.max_messages", "1"),
    ])
}

async fn holds_one_message(queue: &Arc<dyn IMessageQueue>) -> bool {
    queue.open(None).await.unwrap();
    queue.send_text(None, "order", "a").await.unwrap();
    queue.send_text(None, "order", "b").await.is_err_and(|error| error.code() == "QUEUE_FULL")
}

#[tokio::test]
async fn a_created_queue_has_the_name_that_was_asked_for_and_the_factorys_configuration() {
    let factory = MemoryMessageQueueFactory::new();
    factory.configure(&entry()).unwrap();
    for name in ["orders", "bills", ""] {
        let queue = factory.create_queue(name).unwrap();
        assert_eq!(queue.get_name(), name);
        assert!(holds_one_message(&queue).await, "{name}");
    }
    let made = factory.create(&locator("pip-services:message-queue:memory:drafts:1.0")).unwrap();
    assert_eq!(queue_of(&made).get_name(), "drafts");
    assert!(holds_one_message(&queue_of(&made)).await);
}

#[test]
fn a_locator_without_a_name_makes_a_queue_without_one() {
    let factory = MemoryMessageQueueFactory::new();
    factory.configure(&entry()).unwrap();
    let made = factory.create(&locator("*:message-queue:memory:*:*")).unwrap();
    assert_eq!(queue_of(&made).get_name(), "");
}

#[test]
fn a_factory_is_configured_again_for_the_queues_to_come_and_keeps_what_is_not_named() {
    let factory = MemoryMessageQueueFactory::new();
    let made = factory.create_queue("before").unwrap();
    factory.configure(&ConfigParams::from_tuples([("options.lock_timeout", "1000")])).unwrap();
    let wrong = ConfigParams::from_tuples([("options.lock_timeout", "soon"), ("options.max_messages", "1")]);
    let error = factory.configure(&wrong).unwrap_err();
    assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("options.lock_timeout")));
    factory.configure(&ConfigParams::from_tuples([("options.concurrency", "2")])).unwrap();
    assert_eq!(
        (made.get_name(), factory.create_queue("after").unwrap().get_name()),
        ("before".into(), "after".into())
    );
}

#[test]
fn the_destination_of_a_kind_is_each_queues_own() {
    let broker = Broker::default();
    let of_topics = move |name: &str| TopicQueue::new(name, &broker);
    let factory =
        MessageQueueFactory::new(locator("test:message-queue:topic:*:1.0"), of_topics).destination("topic");
    let config = ConfigParams::from_tuples([("topic", "shared"), ("options.autosubscribe", "true")]);
    factory.configure(&config).unwrap();
    let made = factory.create(&locator("test:message-queue:topic:orders:1.0")).unwrap();
    let made = cast::<TopicQueue>(&made).unwrap();
    assert_eq!(made.configured().to_string(), "options.autosubscribe=true");
}

fn references(log: &Arc<Recorder>, counters: &Arc<LogCounters>) -> References {
    let references = References::new();
    references.put(locator("test:logger:recorder:default:1.0"), log.clone());
    references.put(locator("test:counters:log:default:1.0"), counters.clone());
    references
}

#[tokio::test]
async fn created_queues_get_the_factorys_references_until_it_lets_go_of_them() {
    let (log, counters) = (Arc::new(Recorder::default()), Arc::new(LogCounters::new()));
    let factory = MemoryMessageQueueFactory::new();
    factory.set_references(&references(&log, &counters)).unwrap();
    for name in ["orders", "bills"] {
        let queue = factory.create_queue(name).unwrap();
        queue.open(None).await.unwrap();
        queue.send_text(None, "order", "a").await.unwrap();
        assert_eq!(count(&counters, name, "sent_messages"), 1);
        assert_eq!(log.with(&format!("via [{name}]")).len(), 1);
    }
    factory.unset_references();
    let queue = factory.create_queue("drafts").unwrap();
    queue.open(None).await.unwrap();
    queue.send_text(None, "order", "a").await.unwrap();
    assert_eq!(count(&counters, "drafts", "sent_messages"), 0);
    drop(queue);
    assert_eq!(Arc::strong_count(&counters), 1, "the factory holds counters");
}

#[test]
fn a_factory_keeps_what_its_queues_look_up_and_nothing_that_could_lead_back_to_it() {
    let (log, counters) = (Arc::new(Recorder::default()), Arc::new(LogCounters::new()));
    let references = references(&log, &counters);
    let factory = Arc::new(MemoryMessageQueueFactory::new());
    let (handler, wanted) =
        (Arc::new(MemoryMessageQueue::new("handler")), Arc::new(MemoryMessageQueue::new("wanted")));
    references.put(locator("pip-services:queue-factory:memory:default:1.0"), factory.clone());
    references.put(locator("shop:handler:default:default:1.0"), handler.clone());
    references.put(locator("shop:special:default:default:1.0"), wanted.clone());
    factory.configure(&ConfigParams::from_tuples([("dependencies.special", "shop:special:*:*:*")])).unwrap();
    factory.set_references(&references).unwrap();
    drop(references);
    assert_eq!(Arc::strong_count(&factory), 1);
    assert_eq!(Arc::strong_count(&handler), 1);
    assert_eq!(Arc::strong_count(&wanted), 2, "a dependency that the configuration names is not kept");
}

#[test]
fn the_default_factory_makes_queues_and_factories_of_queues_by_descriptor() {
    let factory = DefaultMessagingFactory::new();
    let queue = factory.create(&locator("pip-services:message-queue:memory:orders:1.0")).unwrap();
    assert_eq!(queue_of(&queue).get_name(), "orders");
    for descriptor in [
        "pip-services:queue-factory:memory:default:1.0",
        "pip-services:queue-factory:memory:other:1.0",
        // As the Python port has it.
        "pip-services:factory:message-queue:memory:1.0",
    ] {
        let made = factory.create(&locator(descriptor)).unwrap();
        let made = cast::<dyn IMessageQueueFactory>(&made).expect("it is no factory of queues");
        assert_eq!(made.create_queue("orders").unwrap().get_name(), "orders", "{descriptor}");
    }
    assert!(factory.can_create(&locator("pip-services:message-queue:other:orders:1.0")).is_none());
}

#[test]
fn a_queue_factory_is_found_by_what_it_does() {
    let references = References::new();
    let locator = locator("pip-services:queue-factory:memory:default:1.0");
    references.put(locator.clone(), DefaultMessagingFactory::new().create(&locator).unwrap());
    let factory: Arc<dyn IMessageQueueFactory> = references.get_one_required(&locator).unwrap();
    assert_eq!(factory.create_queue("orders").unwrap().get_name(), "orders");
}
