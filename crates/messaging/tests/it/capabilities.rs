use std::time::Duration;

use pip_services_commons::{
    errors::{ApplicationError, ErrorCategory},
    run::IOpenable,
};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope, MessagingCapabilities};

use crate::topic_queue::{Broker, TopicQueue};

#[test]
fn a_queue_can_do_nothing_unless_it_says_so() {
    let MessagingCapabilities {
        can_message_count,
        can_send,
        can_receive,
        can_peek,
        can_peek_batch,
        can_renew_lock,
        can_abandon,
        can_dead_letter,
        can_clear,
    } = MessagingCapabilities::default();
    let flags = [
        can_message_count,
        can_send,
        can_receive,
        can_peek,
        can_peek_batch,
        can_renew_lock,
        can_abandon,
        can_dead_letter,
        can_clear,
    ];
    assert_eq!(flags, [false; 9]);
}

#[test]
fn a_memory_queue_can_do_everything() {
    let capabilities = MemoryMessageQueue::new("orders").get_capabilities();
    assert!(capabilities.can_renew_lock && capabilities.can_abandon && capabilities.can_dead_letter);
    assert!(capabilities.can_message_count && capabilities.can_send && capabilities.can_receive);
    assert!(capabilities.can_peek && capabilities.can_peek_batch && capabilities.can_clear);
}

/// Each operation that a queue without locks cannot do, with its name.
async fn of_locks(
    queue: &TopicQueue,
    envelope: &MessageEnvelope,
) -> [(&'static str, Result<(), ApplicationError>); 3] {
    [
        ("renew_lock", queue.renew_lock(envelope, Duration::from_secs(1)).await),
        ("abandon", queue.abandon(&mut envelope.clone()).await),
        ("move_to_dead_letter", queue.move_to_dead_letter(&mut envelope.clone()).await),
    ]
}

#[tokio::test]
async fn an_operation_that_the_queue_cannot_do_is_an_error_and_complete_always_works() {
    let queue = TopicQueue::new("orders", &Broker::default());
    let mut envelope = MessageEnvelope::new(Some("123"), "order", "one pizza");
    for (operation, result) in of_locks(&queue, &envelope).await {
        assert_eq!(result.unwrap_err().code(), "NOT_OPENED", "{operation}");
    }
    queue.open(None).await.unwrap();
    for (operation, result) in of_locks(&queue, &envelope).await {
        let error = result.unwrap_err();
        assert_eq!((error.code(), error.category()), ("NOT_SUPPORTED", &ErrorCategory::Unsupported));
        assert_eq!((error.detail("operation"), error.correlation_id()), (Some(operation), Some("123")));
    }
    queue.complete(&mut envelope).await.unwrap();
}
