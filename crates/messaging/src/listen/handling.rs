use std::{any::Any, ops::Deref, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use pip_services_commons::errors::ApplicationError;

use super::{
    IMessageReceiver, ListenedQueue,
    listeners::{HANDLING, Running},
};
use crate::MessageEnvelope;

/// A message that goes back to its queue unless somebody decides about it.
struct Undecided<H: Deref<Target: ListenedQueue>> {
    queue: H,
    envelope: Option<MessageEnvelope>,
}

impl<H: Deref<Target: ListenedQueue>> Drop for Undecided<H> {
    fn drop(&mut self) {
        if let Some(envelope) = self.envelope.take() {
            self.queue.put_back(envelope);
        }
    }
}

/// Gives a message to the receiver and settles it, as [`IMessageQueue::listen`](crate::IMessageQueue::listen)
/// tells. Dropped before it has begun, it gives the message back as well.
pub(super) fn handle<Q: ListenedQueue>(
    queue: impl Deref<Target = Q> + Send,
    correlation_id: Option<&str>,
    envelope: MessageEnvelope,
    receiver: &dyn IMessageReceiver,
    running: Running,
) -> impl Future<Output = ()> + Send {
    // Not in the future, which may be dropped before it is polled.
    let mut undecided = Undecided { queue, envelope: Some(envelope) };
    async move {
        let Some(envelope) = undecided.envelope.clone() else { return };
        let queue = &*undecided.queue;
        let timing = queue.base().begin_handling();
        // In a block of its own, as the receiver can panic before it gives a future.
        let handling =
            AssertUnwindSafe(async { receiver.receive_message(envelope, queue).await }).catch_unwind();
        let outcome =
            HANDLING.scope(running.of(), handling).await.unwrap_or_else(|panic| Err(panicked(&*panic)));
        timing.end_timing();
        if let Some(envelope) = undecided.envelope.take() {
            settle(queue, correlation_id, envelope, outcome).await;
        }
    }
}

async fn settle<Q: ListenedQueue>(
    queue: &Q,
    correlation_id: Option<&str>,
    mut envelope: MessageEnvelope,
    outcome: Result<(), ApplicationError>,
) {
    let base = queue.base();
    let settling = match &outcome {
        Ok(()) => queue.complete(&mut envelope).await,
        Err(error) => {
            base.receiver_failed(correlation_id, error, &envelope);
            match base.capabilities().can_abandon {
                true => queue.abandon(&mut envelope).await,
                false => Ok(()),
            }
        }
    };
    match settling {
        Ok(()) => {}
        // The receiver settled it before it failed, or the message is back already.
        Err(error) if outcome.is_err() && error.code() == "LOCK_LOST" => {}
        // Mostly LOCK_LOST too: the handling took longer than the lock lasts, and the message comes again.
        Err(error) => {
            let id = envelope.correlation_id.as_deref().or(correlation_id);
            let what = format_args!("Message {envelope} was not settled after handling: {error}");
            base.logger().warn(id, what);
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> ApplicationError {
    let what = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    ApplicationError::internal(None, "RECEIVER_PANICKED", format!("the receiver panicked: {what}"))
}
