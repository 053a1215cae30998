use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, FuturesUnordered},
};
use pip_services_commons::errors::ApplicationError;
use serde::{Serialize, de::DeserializeOwned};
use tokio::task::coop::{consume_budget, unconstrained};

use super::{ReceiveError, SendBatchError};
use crate::{IMessageQueue, MessageEnvelope};

/// How many messages of a batch are on their way at once: enough for any queue's own limit to be what counts.
const BATCH_WINDOW: usize = 128;

/// What any queue can do in terms of [`IMessageQueue`], also as `Arc<dyn IMessageQueue>`. Ports
/// `send_as_object`; the rest is not in the other ports.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use pip_services_messaging::{IMessageQueue, IMessageQueueExt, MemoryMessageQueue};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let queue: Arc<dyn IMessageQueue> = Arc::new(MemoryMessageQueue::new("orders"));
/// queue.open(None).await?;
/// queue.send_as_object(Some("123"), "order", &["pizza", "soup"]).await?;
///
/// if let Some((order, mut envelope)) = queue.receive_as::<Vec<String>>(None, Duration::from_secs(1)).await? {
///     assert_eq!(order, ["pizza", "soup"]);
///     queue.complete(&mut envelope).await?;
/// }
/// # Ok(()) }
/// ```
pub trait IMessageQueueExt: IMessageQueue {
    /// Sends a value in JSON in a new envelope that carries the correlation id.
    ///
    /// A value that is text in JSON is sent raw, as in [`MessageEnvelope::from_object`].
    ///
    /// # Errors
    /// `BAD_PAYLOAD` (BadRequest) when the value cannot be written as JSON, and those of
    /// [`send`](IMessageQueue::send).
    fn send_as_object<'a, T: Serialize + ?Sized>(
        &'a self,
        correlation_id: Option<&'a str>,
        message_type: impl Into<Option<&'a str>>,
        value: &'a T,
    ) -> impl Future<Output = Result<(), ApplicationError>> + Send + 'a {
        let envelope = MessageEnvelope::from_object(correlation_id, message_type, value);
        async move { Ok(self.send(correlation_id, envelope?).await?) }
    }

    /// Sends text in a new envelope that carries the correlation id.
    ///
    /// # Errors
    /// Those of [`send`](IMessageQueue::send).
    fn send_text<'a>(
        &'a self,
        correlation_id: Option<&'a str>,
        message_type: impl Into<Option<&'a str>>,
        text: impl Into<String>,
    ) -> impl Future<Output = Result<(), ApplicationError>> + Send {
        let envelope = MessageEnvelope::new(correlation_id, message_type, text.into());
        async move { Ok(self.send(correlation_id, envelope).await?) }
    }

    /// Sends bytes as they are in a new envelope that carries the correlation id.
    ///
    /// # Errors
    /// Those of [`send`](IMessageQueue::send).
    fn send_bytes<'a>(
        &'a self,
        correlation_id: Option<&'a str>,
        message_type: impl Into<Option<&'a str>>,
        bytes: impl Into<Bytes>,
    ) -> impl Future<Output = Result<(), ApplicationError>> + Send {
        let envelope = MessageEnvelope::new(correlation_id, message_type, bytes.into());
        async move { Ok(self.send(correlation_id, envelope).await?) }
    }

    /// Sends messages, keeping up to 128 on their way at once, where sending one after another would wait for
    /// the broker's answer to each. They begin in the order of the batch, and the queues of this toolkit keep
    /// it.
    ///
    /// After a failure no further one is begun, and those on their way are waited for. Dropping the future drops
    /// what has not been sent.
    ///
    /// `correlation_id` is for errors, and for log lines where an envelope has none; each message carries its envelope's own.
    ///
    /// # Errors
    /// The messages that were not sent, with the reasons, to be sent again.
    ///
    /// ```
    /// # use pip_services_commons::run::IOpenable;
    /// use pip_services_messaging::{IMessageQueue, IMessageQueueExt, MemoryMessageQueue, MessageEnvelope};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
    /// # let queue = MemoryMessageQueue::new("orders");
    /// # queue.open(None).await?;
    /// let orders = ["pizza", "soup"].map(|order| MessageEnvelope::new(None, "order", order));
    /// if let Err(failed) = queue.send_batch(None, orders).await {
    ///     println!("{}", failed.error());
    ///     let later: Vec<MessageEnvelope> = failed.into_envelopes();
    /// }
    /// # assert_eq!(queue.read_message_count().await?, 2);
    /// # Ok(()) }
    /// ```
    fn send_batch<'a, I>(
        &'a self,
        correlation_id: Option<&'a str>,
        envelopes: I,
    ) -> impl Future<Output = Result<(), SendBatchError>> + Send
    where
        I: IntoIterator<Item = MessageEnvelope>,
        I::IntoIter: Send,
    {
        let mut envelopes = envelopes.into_iter().enumerate();
        async move {
            let failure = &AtomicBool::new(false);
            let send = |(index, envelope)| async move {
                // Its turn comes after a failure: sent now, it would overtake the one that failed.
                if failure.load(Ordering::Relaxed) {
                    return Some((index, Err(envelope)));
                }
                // One that is told to let others run would be overtaken; the batch does that for all of them.
                let failed = unconstrained(self.send(correlation_id, envelope)).await.err()?;
                failure.store(true, Ordering::Relaxed);
                Some((index, Ok(failed)))
            };
            let (mut sending, mut unsent) = (FuturesUnordered::new(), Vec::new());
            loop {
                let room = if unsent.is_empty() { BATCH_WINDOW - sending.len() } else { 0 };
                sending.extend(envelopes.by_ref().take(room).map(send));
                match sending.next().await {
                    None => break,
                    Some(sent) => unsent.extend(sent),
                }
                // A queue that never waits would keep the thread for the whole batch.
                consume_budget().await;
            }
            unsent.sort_unstable_by_key(|&(index, _)| index);
            let (mut failed, mut unattempted) = (Vec::new(), Vec::new());
            for (_, unsent) in unsent {
                match unsent {
                    Ok(error) => failed.push(error),
                    Err(envelope) => unattempted.push(envelope),
                }
            }
            unattempted.extend(envelopes.map(|(_, envelope)| envelope));
            SendBatchError::new(failed, unattempted).map_or(Ok(()), Err)
        }
    }

    /// Receives a message and reads its payload from JSON. It comes with its envelope, which is needed to complete
    /// it; `None` when none came. A message without a payload is read as `null`.
    ///
    /// Text that was sent raw is no JSON, so it is not read as a `String`: receive such a message as it is and
    /// use [`get_message_as_string`](MessageEnvelope::get_message_as_string).
    ///
    /// # Errors
    /// `BAD_PAYLOAD` (BadRequest) when the payload is no such JSON, with the message, which is received all the
    /// same: settle it, or a queue with locks delivers it again and again. Those of
    /// [`receive`](IMessageQueue::receive).
    fn receive_as<T: DeserializeOwned>(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> impl Future<Output = Result<Option<(T, MessageEnvelope)>, ReceiveError>> + Send {
        async move {
            let Some(envelope) = self.receive(correlation_id, wait_timeout).await? else { return Ok(None) };
            match payload_as(&envelope) {
                Ok(value) => Ok(Some((value, envelope))),
                Err(error) => Err(ReceiveError::new(error, Some(envelope))),
            }
        }
    }

    /// The queue's messages as they come, until it is closed. Each has to be completed, as after a
    /// [`receive`](IMessageQueue::receive).
    ///
    /// An error ends it as well, after it was given. It takes a message only in the poll that gives it, so that
    /// nothing is lost where it, or a wait for its next message, is dropped. One that is kept without being
    /// polled may hold up others that receive from the queue: it can be the one that is told of a new message.
    ///
    /// ```
    /// use futures_util::TryStreamExt;
    /// # use pip_services_commons::run::{IClosable, IOpenable};
    /// use pip_services_messaging::{IMessageQueue, IMessageQueueExt, MemoryMessageQueue};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
    /// # let queue = MemoryMessageQueue::new("orders");
    /// # queue.open(None).await?;
    /// # queue.send_text(None, "order", "one pizza").await?;
    /// let mut messages = queue.stream(None);
    /// while let Some(mut envelope) = messages.try_next().await? {
    ///     queue.complete(&mut envelope).await?;
    /// #   queue.close(None).await?;
    /// }
    /// # Ok(()) }
    /// ```
    fn stream<'a>(
        &'a self,
        correlation_id: Option<&'a str>,
    ) -> impl Stream<Item = Result<MessageEnvelope, ApplicationError>> + Send + Unpin {
        Box::pin(stream::unfold(State::Begun, move |state| async move {
            if let State::Failed = state {
                return None;
            }
            loop {
                match self.receive(correlation_id, Duration::MAX).await {
                    Ok(Some(envelope)) => return Some((Ok(envelope), State::Running)),
                    // It may end early.
                    Ok(None) if self.is_open() => {}
                    Ok(None) => return None,
                    // `NOT_OPENED`: it was closed since the last message.
                    Err(_) if matches!(state, State::Running) && !self.is_open() => return None,
                    Err(error) => return Some((Err(error), State::Failed)),
                }
            }
        }))
    }
}

impl<Q: IMessageQueue + ?Sized> IMessageQueueExt for Q {}

/// How far a stream of messages is.
enum State {
    Begun,
    Running,
    Failed,
}

fn payload_as<T: DeserializeOwned>(envelope: &MessageEnvelope) -> Result<T, ApplicationError> {
    match envelope.get_message_as()? {
        Some(value) => Ok(value),
        None => serde_json::from_value(serde_json::Value::Null).map_err(|error| {
            let message = format!("message {} has no payload: {error}", envelope.message_id);
            ApplicationError::bad_request(envelope.correlation_id.as_deref(), "BAD_PAYLOAD", message)
        }),
    }
}
