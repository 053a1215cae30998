use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use pip_services_commons::errors::ApplicationError;
use tokio::runtime::Handle;

use super::{IMessageReceiver, Listening, listeners::HANDLING};
use crate::{IMessageQueue, MessageEnvelope, MessageQueue};

impl Listening {
    /// Gives the queue's messages to the receiver, one after another, as [`IMessageQueue::listen`] tells, until
    /// the listening is ended or the queue closed, which `NOT_OPENED` of `receive` tells too.
    pub(crate) async fn run(
        self,
        base: &MessageQueue,
        queue: &dyn IMessageQueue,
        correlation_id: Option<&str>,
        receiver: &dyn IMessageReceiver,
    ) -> Result<(), ApplicationError> {
        base.logger().trace(None, format_args!("Started listening messages at [{}]", base.get_name()));
        loop {
            // Receiving takes nothing before it returns, so losing this race loses no message.
            let received = tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return Ok(()),
                received = queue.receive(correlation_id, Duration::MAX) => received,
            };
            match received {
                Ok(Some(envelope)) => self.handle(base, queue, envelope, receiver).await,
                Ok(None) if queue.is_open() => {}
                Ok(None) => return Ok(()),
                Err(_) if !queue.is_open() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs [`run`](Self::run) on a task of its own and logs the error that ends it.
    pub(crate) fn spawn<Q: IMessageQueue + 'static>(
        self,
        runtime: &Handle,
        queue: Arc<Q>,
        base: fn(&Q) -> &MessageQueue,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) {
        let correlation_id = correlation_id.map(str::to_owned);
        runtime.spawn(async move {
            let (base, id) = (base(&queue), correlation_id.as_deref());
            if let Err(error) = self.run(base, &*queue, id, &*receiver).await {
                base.logger().error(
                    id,
                    Some(&error),
                    format_args!("Stopped listening at [{}]", base.get_name()),
                );
            }
        });
    }

    async fn handle(
        &self,
        base: &MessageQueue,
        queue: &dyn IMessageQueue,
        envelope: MessageEnvelope,
        receiver: &dyn IMessageReceiver,
    ) {
        let mut settled = envelope.clone();
        let handling = AssertUnwindSafe(receiver.receive_message(envelope, queue)).catch_unwind();
        let outcome = HANDLING.scope(self.id, handling).await.unwrap_or_else(|panic| Err(panicked(&*panic)));
        let settling = match &outcome {
            Ok(()) => queue.complete(&mut settled).await,
            Err(error) => {
                base.receiver_failed(error, &settled);
                match base.capabilities().can_abandon {
                    true => queue.abandon(&mut settled).await,
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
                let id = settled.correlation_id.as_deref();
                let what = format_args!("Message {settled} was not settled after handling: {error}");
                base.logger().warn(id, what);
            }
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
