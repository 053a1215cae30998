use std::future::Future;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use pip_services_commons::errors::ApplicationError;

use crate::{IMessageQueue, MessageEnvelope};

/// Handles messages of a queue; ports `IMessageReceiver`.
///
/// A closure that takes an envelope is a receiver; [`CallbackMessageReceiver`] wraps one that takes the queue
/// as well.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_messaging::{IMessageReceiver, MessageEnvelope};
///
/// let receiver: Arc<dyn IMessageReceiver> = Arc::new(|envelope: MessageEnvelope| async move {
///     println!("{envelope}");
///     Ok(())
/// });
/// ```
#[async_trait]
pub trait IMessageReceiver: Send + Sync {
    /// Handles a message. `Ok` completes it; what an error or a panic does is told at
    /// [`IMessageQueue::listen`]. The receiver may settle the message itself and use the queue in any way.
    ///
    /// # Errors
    /// Whatever kept the message from being handled.
    async fn receive_message(
        &self,
        envelope: MessageEnvelope,
        queue: &dyn IMessageQueue,
    ) -> Result<(), ApplicationError>;
}

#[async_trait]
impl<F, Handling> IMessageReceiver for F
where
    F: Fn(MessageEnvelope) -> Handling + Send + Sync,
    Handling: Future<Output = Result<(), ApplicationError>> + Send,
{
    async fn receive_message(
        &self,
        envelope: MessageEnvelope,
        _: &dyn IMessageQueue,
    ) -> Result<(), ApplicationError> {
        self(envelope).await
    }
}

/// A receiver that calls a function with the message and its queue; ports `CallbackMessageReceiver`.
///
/// ```
/// use pip_services_messaging::CallbackMessageReceiver;
///
/// let receiver = CallbackMessageReceiver::new(|mut envelope, queue| {
///     Box::pin(async move { queue.complete(&mut envelope).await })
/// });
/// ```
pub struct CallbackMessageReceiver {
    callback: Box<Callback>,
}

type Callback = dyn for<'a> Fn(MessageEnvelope, &'a dyn IMessageQueue) -> BoxFuture<'a, Result<(), ApplicationError>>
    + Send
    + Sync;

impl CallbackMessageReceiver {
    /// A receiver that calls `callback`.
    pub fn new<F>(callback: F) -> Self
    where
        F: for<'a> Fn(MessageEnvelope, &'a dyn IMessageQueue) -> BoxFuture<'a, Result<(), ApplicationError>>,
        F: Send + Sync + 'static,
    {
        Self { callback: Box::new(callback) }
    }
}

#[async_trait]
impl IMessageReceiver for CallbackMessageReceiver {
    async fn receive_message(
        &self,
        envelope: MessageEnvelope,
        queue: &dyn IMessageQueue,
    ) -> Result<(), ApplicationError> {
        (self.callback)(envelope, queue).await
    }
}
