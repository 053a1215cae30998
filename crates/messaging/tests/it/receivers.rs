use std::sync::Arc;

use pip_services_commons::{errors::ApplicationError, run::ICleanable};
use pip_services_messaging::{
    CallbackMessageReceiver, IMessageQueue, IMessageReceiver, MessageEnvelope, TestMessageReceiver,
};
use tokio::sync::Notify;

use crate::support::{SOON, opened, send, settle_down, text};

#[tokio::test]
async fn a_callback_gets_the_message_and_the_queue_and_is_awaited() {
    let queue = opened(&[]).await;
    let go_on = Arc::new(Notify::new());
    let receiver = CallbackMessageReceiver::new({
        let go_on = go_on.clone();
        move |envelope, queue| {
            let go_on = go_on.clone();
            Box::pin(async move {
                assert_eq!((text(&envelope), queue.get_name()), ("a".into(), "orders".into()));
                go_on.notified().await;
                Err(ApplicationError::unknown(None, "FAILED", "told"))
            })
        }
    });
    let mut receiving = tokio::spawn({
        let queue = queue.clone();
        async move { receiver.receive_message(MessageEnvelope::new(None, "t", "a"), &*queue).await }
    });
    settle_down().await;
    assert!(!receiving.is_finished(), "it did not wait for the callback");
    go_on.notify_one();
    assert_eq!((&mut receiving).await.unwrap().unwrap_err().code(), "FAILED");
}

#[tokio::test]
async fn a_test_receiver_collects_messages_in_order_and_forgets_them() {
    let (queue, receiver) = (opened(&[]).await, Arc::new(TestMessageReceiver::new()));
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    for number in 0..3 {
        send(&queue, &number.to_string()).await;
    }
    let collected = receiver.wait_for_messages(3, SOON).await;
    assert_eq!(collected.iter().map(text).collect::<Vec<_>>(), ["0", "1", "2"]);
    assert_eq!((receiver.message_count(), receiver.messages().len()), (3, 3));
    receiver.clear(None).await.unwrap();
    assert_eq!(receiver.message_count(), 0);
    send(&queue, "again").await;
    assert_eq!(text(&receiver.wait_for_messages(1, SOON).await[0]), "again");
}

#[tokio::test(start_paused = true)]
async fn a_test_receiver_waits_no_longer_than_it_is_told_to() {
    let receiver = TestMessageReceiver::new();
    let start = tokio::time::Instant::now();
    assert!(receiver.wait_for_messages(1, SOON).await.is_empty());
    assert_eq!(start.elapsed().as_secs(), SOON.as_secs());
}
