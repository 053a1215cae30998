use std::{sync::Arc, time::Duration};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, IReferences, References},
    run::IOpenable,
};
use pip_services_components::count::LogCounters;
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};

/// An open queue with these options.
pub(crate) async fn opened(options: &[(&str, i64)]) -> Arc<MemoryMessageQueue> {
    let queue = Arc::new(MemoryMessageQueue::new("orders"));
    queue.configure(&ConfigParams::from_tuples(options.iter().copied())).unwrap();
    queue.open(None).await.unwrap();
    queue
}

/// What the queue counts from now on.
pub(crate) fn counted(queue: &MemoryMessageQueue) -> Arc<LogCounters> {
    let (references, counters) = (References::new(), Arc::new(LogCounters::new()));
    references.put("test:counters:log:default:1.0".parse().unwrap(), counters.clone());
    queue.set_references(&references).unwrap();
    counters
}

/// How often the queue of that name has counted the event.
pub(crate) fn count(counters: &LogCounters, queue: &str, event: &str) -> i64 {
    counters.get(&format!("queue.{queue}.{event}")).and_then(|counter| counter.count).unwrap_or_default()
}

pub(crate) async fn send(queue: &MemoryMessageQueue, text: &str) {
    queue.send(None, MessageEnvelope::new(None, "order", text)).await.unwrap();
}

/// The next message that is there, or comes without a wait.
pub(crate) async fn take(queue: &MemoryMessageQueue) -> Option<MessageEnvelope> {
    queue.receive(None, Duration::ZERO).await.unwrap()
}

pub(crate) fn text(envelope: &MessageEnvelope) -> String {
    envelope.get_message_as_string().unwrap().into_owned()
}

/// The messages that are there, which stay.
pub(crate) async fn waiting(queue: &MemoryMessageQueue) -> Vec<String> {
    queue.peek_batch(None, 100).await.unwrap().iter().map(text).collect()
}
