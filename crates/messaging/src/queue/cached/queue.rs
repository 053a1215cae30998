use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use futures_util::{FutureExt, future::BoxFuture};
use pip_services_commons::{config::ConfigParams, errors::ApplicationError, refer::IReferences};
use tokio::{
    task::coop::consume_budget,
    time::{Instant, timeout},
};

use super::{
    cache::MessageCache, inbox::MessageInbox, options::CacheOptions, readiness::CacheReadiness,
    subscription::ISubscription,
};
use crate::{
    MessageEnvelope, MessageQueue, MessagingCapabilities, Readiness, listen::END_TIMEOUT, wait::after,
};

/// How long a receive with a short timeout, or a peek, waits for the subscription that the first one makes.
const LEAST_SUBSCRIBE_TIMEOUT: Duration = Duration::from_millis(150);

/// What a queue on a broker has: a [`MessageQueue`], and a bounded cache between the broker's client and the
/// consumers; ports `CachedMessageQueue`.
///
/// A queue holds one and calls it, where the other ports derive from it. It makes a [`MessageInbox`] for each
/// `open`, lets its client put there what arrives, and gives the cache an [`ISubscription`], which is dropped at
/// the close. Consumers, a listener included, take from the other end: what came before a listener and what comes
/// while it listens take the same way, so that their order is kept, and a slow receiver delays nobody else.
///
/// The client has acknowledged a message before it is here, so there are no locks: a received message is gone from
/// the cache for good, `complete` has nothing to do, and the broker cannot be made to wait. At
/// `options.max_cache_size` the oldest message is dropped, counted in `queue.<name>.dropped_messages` and logged,
/// once for all that follow without a pause. So is what the cache still has at the close, and what comes later.
///
/// | parameter | default | |
/// |---|---|---|
/// | `options.autosubscribe` | false | whether `open` subscribes; else the first receive, peek or listen does |
/// | `options.max_cache_size` | 10000 | how many messages may wait in the cache |
/// | those of [`MessageQueue`] | | |
///
/// A queue that needs no subscription is shorter: the package `examples/channel-queue` of the repository is one. This is
/// one on a broker that delivers to whoever has registered:
///
/// ```
/// use std::{sync::{Arc, Mutex, Weak}, time::Duration};
/// # use async_trait::async_trait;
/// # use pip_services_commons::{errors::ApplicationError, run::{IClosable, IOpenable}};
/// use pip_services_messaging::{
///     CachedMessageQueue, IMessageQueue, IMessageReceiver, ISubscription, ListenedQueue, MessageEnvelope,
///     MessageInbox, MessageQueue, MessagingCapabilities, Readiness, SendError,
/// };
///
/// /// Stands for the client of a broker.
/// #[derive(Clone, Default)]
/// struct Client(Arc<Mutex<Vec<Weak<MessageInbox>>>>);
///
/// /// The client forgets an inbox that is dropped, so there is nothing to do at the end.
/// struct Subscription { client: Client, inbox: Arc<MessageInbox> }
///
/// impl ISubscription for Subscription {
///     async fn subscribe(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
///         let (mut inboxes, inbox) = (self.client.0.lock().unwrap(), Arc::downgrade(&self.inbox));
///         if !inboxes.iter().any(|other| other.ptr_eq(&inbox)) {
///             inboxes.push(inbox);
///         }
///         Ok(())
///     }
/// }
///
/// struct TopicQueue { cached: CachedMessageQueue<Subscription>, client: Client }
///
/// impl TopicQueue {
///     fn new(name: &str, client: Client) -> Self {
///         let capabilities = MessagingCapabilities {
///             can_message_count: true, can_send: true, can_receive: true, can_peek: true, can_peek_batch: true,
///             can_clear: true, ..MessagingCapabilities::default()
///         };
///         Self { cached: CachedMessageQueue::new(name, capabilities), client }
///     }
/// }
///
/// #[async_trait]
/// impl IOpenable for TopicQueue {
///     fn is_open(&self) -> bool { self.cached.is_open() }
///
///     async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
///         let inbox = self.cached.inbox();
///         let subscription = Subscription { client: self.client.clone(), inbox: Arc::new(inbox.clone()) };
///         self.cached.open(correlation_id, inbox, subscription).await
///     }
/// }
///
/// #[async_trait]
/// impl IClosable for TopicQueue {
///     async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
///         self.cached.close(correlation_id).await;
///         Ok(())
///     }
/// }
///
/// #[async_trait]
/// impl IMessageQueue for TopicQueue {
///     async fn send(&self, correlation_id: Option<&str>, envelope: MessageEnvelope) -> Result<(), SendError> {
///         let session = match self.cached.session(correlation_id) {
///             Ok(session) => session,
///             Err(error) => return Err(SendError::new(error, envelope)),
///         };
///         for inbox in session.client.0.lock().unwrap().iter().filter_map(Weak::upgrade) {
///             inbox.push(envelope.clone());
///         }
///         self.cached.base().sent(correlation_id, &envelope);
///         Ok(())
///     }
///
///     async fn receive(&self, correlation_id: Option<&str>, wait_timeout: Duration) -> Result<Option<MessageEnvelope>, ApplicationError> {
///         self.cached.receive(correlation_id, wait_timeout).await
///     }
///
///     async fn renew_lock(&self, envelope: &MessageEnvelope, _: Duration) -> Result<(), ApplicationError> {
///         self.cached.not_supported(envelope, "renew_lock")
///     }
///
///     async fn listen(&self, correlation_id: Option<&str>, receiver: Arc<dyn IMessageReceiver>) -> Result<(), ApplicationError> {
///         MessageQueue::listen(self, correlation_id, &*receiver).await
///     }
///
///     fn begin_listen(self: Arc<Self>, correlation_id: Option<&str>, receiver: Arc<dyn IMessageReceiver>) -> Result<(), ApplicationError> {
///         MessageQueue::begin_listen(&self, correlation_id, receiver)
///     }
///
///     // The other operations, one line each as `receive` and `renew_lock`.
/// #   fn get_name(&self) -> String { self.cached.base().get_name() }
/// #   fn get_capabilities(&self) -> MessagingCapabilities { self.cached.base().capabilities() }
/// #   async fn read_message_count(&self) -> Result<u64, ApplicationError> { self.cached.read_message_count() }
/// #   async fn peek(&self, correlation_id: Option<&str>) -> Result<Option<MessageEnvelope>, ApplicationError> {
/// #       Ok(self.cached.peek_batch(correlation_id, 1).await?.pop())
/// #   }
/// #   async fn peek_batch(&self, correlation_id: Option<&str>, message_count: usize) -> Result<Vec<MessageEnvelope>, ApplicationError> {
/// #       self.cached.peek_batch(correlation_id, message_count).await
/// #   }
/// #   async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> { self.cached.complete(envelope) }
/// #   async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> { self.cached.not_supported(envelope, "abandon") }
/// #   async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
/// #       self.cached.not_supported(envelope, "move_to_dead_letter")
/// #   }
/// #   async fn end_listen(&self, _correlation_id: Option<&str>) { self.cached.base().end_listen().await; }
/// }
///
/// impl ListenedQueue for TopicQueue {
///     fn base(&self) -> &MessageQueue { self.cached.base() }
///     fn readiness(&self, correlation_id: Option<&str>) -> Result<Box<dyn Readiness>, ApplicationError> { self.cached.readiness(correlation_id) }
///     fn put_back(&self, envelope: MessageEnvelope) { self.cached.put_back(envelope) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ApplicationError> {
/// let queue = TopicQueue::new("orders", Client::default());
/// queue.open(None).await?;
/// assert!(queue.receive(None, Duration::ZERO).await?.is_none()); // subscribes
/// queue.send(None, MessageEnvelope::new(None, "order", "one pizza")).await?;
/// assert!(queue.receive(None, Duration::from_secs(1)).await?.is_some());
/// # Ok(()) }
/// ```
pub struct CachedMessageQueue<S> {
    base: Arc<MessageQueue>,
    options: Mutex<CacheOptions>,
    transition: tokio::sync::Mutex<()>,
    /// There while the queue is open.
    session: ArcSwapOption<Session<S>>,
}

/// What lasts from an `open` to the next `close`.
struct Session<S> {
    cache: Arc<MessageCache>,
    subscription: Arc<S>,
}

impl<S: ISubscription> CachedMessageQueue<S> {
    /// The base of a queue of that name, which can be empty.
    pub fn new(name: &str, capabilities: MessagingCapabilities) -> Self {
        Self {
            base: Arc::new(MessageQueue::new(name, capabilities)),
            options: Mutex::default(),
            transition: tokio::sync::Mutex::default(),
            session: ArcSwapOption::empty(),
        }
    }

    fn options(&self) -> CacheOptions {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self, correlation_id: Option<&str>) -> Result<Arc<Session<S>>, ApplicationError> {
        self.session.load_full().ok_or_else(|| self.base.not_opened(correlation_id))
    }

    /// Takes name and options; what the parameters do not name stays as it is. A queue that is open takes the
    /// cache's options at the next `open`.
    ///
    /// # Errors
    /// `BAD_DESCRIPTOR`, `BAD_VALUE` (Misconfiguration). Nothing is changed then.
    pub fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let options = self.options().with_config(config)?;
        self.base.configure(config)?;
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
        Ok(())
    }

    /// Takes the loggers and counters that there are.
    ///
    /// # Errors
    /// None at present.
    pub fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.base.set_references(references)
    }

    /// Lets go of them.
    pub fn unset_references(&self) {
        self.base.unset_references();
    }

    /// What it holds: name, loggers, counters and the listener.
    pub fn base(&self) -> &MessageQueue {
        &self.base
    }

    /// Whether `open` subscribes, by `options.autosubscribe`.
    pub fn autosubscribe(&self) -> bool {
        self.options().autosubscribe
    }

    /// A new inbox, for the next [`open`](Self::open).
    pub fn inbox(&self) -> MessageInbox {
        let cache = Arc::new(MessageCache::new(self.options().max_cache_size));
        MessageInbox { base: self.base.clone(), cache }
    }

    /// Subscribes, by `options.autosubscribe`, and opens the queue with what arrives in the inbox, and has
    /// arrived. A queue that is open already stays as it is.
    ///
    /// # Errors
    /// Those of [`ISubscription::subscribe`]. The subscription is dropped then.
    pub async fn open(
        &self,
        correlation_id: Option<&str>,
        inbox: MessageInbox,
        subscription: S,
    ) -> Result<(), ApplicationError> {
        let _turn = self.transition.lock().await;
        if self.is_open() {
            return Ok(());
        }
        if self.autosubscribe() {
            subscription.subscribe(correlation_id).await?;
        }
        let session = Session { cache: inbox.cache, subscription: Arc::new(subscription) };
        self.session.store(Some(Arc::new(session)));
        self.base.logger().debug(correlation_id, format_args!("Opened queue [{}]", self.base.get_name()));
        Ok(())
    }

    /// Ends the listener, drops the messages in the cache, counted and logged, and wakes whoever waits. It gives the subscription
    /// of a queue that was open, to be dropped when that suits.
    pub async fn close(&self, correlation_id: Option<&str>) -> Option<Arc<S>> {
        self.close_within(correlation_id, END_TIMEOUT).await
    }

    /// Does what [`close`](Self::close) does, and waits up to `limit` for the handlings that run.
    pub async fn close_within(&self, correlation_id: Option<&str>, limit: Duration) -> Option<Arc<S>> {
        let deadline = after(limit);
        self.base.end_listen_within(limit).await;
        let (session, begun) = {
            let _turn = self.transition.lock().await;
            // Nobody can open it before both are known.
            (self.session.swap(None), self.base.begun())
        };
        if let Some(session) = &session {
            self.base.dropped_at_close(session.cache.close());
        }
        // One that has begun since.
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.base.end_begun(begun, deadline.map_or(limit, left)).await;
        let session = session?;
        self.base.cached(|| 0);
        self.base.logger().debug(correlation_id, format_args!("Closed queue [{}]", self.base.get_name()));
        Some(session.subscription.clone())
    }

    /// Whether the queue is open.
    pub fn is_open(&self) -> bool {
        self.session.load().is_some()
    }

    /// The subscription that the queue was opened with.
    ///
    /// # Errors
    /// `NOT_OPENED` (InvalidState).
    pub fn session(&self, correlation_id: Option<&str>) -> Result<Arc<S>, ApplicationError> {
        self.opened(correlation_id).map(|session| session.subscription.clone())
    }

    /// How many messages wait in the cache.
    ///
    /// # Errors
    /// `NOT_OPENED` (InvalidState).
    pub fn read_message_count(&self) -> Result<u64, ApplicationError> {
        Ok(self.opened(None)?.cache.len() as u64)
    }

    /// Up to `message_count` of the oldest messages in the cache, which stay. Where there is none, it subscribes.
    ///
    /// # Errors
    /// `NOT_OPENED` (InvalidState), and those of [`ISubscription::subscribe`].
    pub async fn peek_batch(
        &self,
        correlation_id: Option<&str>,
        message_count: usize,
    ) -> Result<Vec<MessageEnvelope>, ApplicationError> {
        let session = self.opened(correlation_id)?;
        if session.cache.len() == 0 {
            session.subscribed(correlation_id, Duration::ZERO).await?;
        }
        let messages = session.cache.peek(message_count);
        self.base.peeked(correlation_id, &messages);
        Ok(messages)
    }

    /// Takes the oldest message of the cache. Where there is none, it subscribes, and waits for one up to
    /// `wait_timeout` or until the queue is closed.
    ///
    /// One whose timeout passes before the broker has answered the subscription gives `None`, and the subscribing
    /// goes on.
    ///
    /// # Errors
    /// `NOT_OPENED` (InvalidState), and those of [`ISubscription::subscribe`].
    pub async fn receive(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> Result<Option<MessageEnvelope>, ApplicationError> {
        // Whoever always finds a message must still let other tasks run.
        consume_budget().await;
        let session = self.opened(correlation_id)?;
        let message = match session.cache.take() {
            Some(message) => Some(message),
            None => {
                let left = session.subscribed(correlation_id, wait_timeout).await?;
                session.cache.receive(left).await
            }
        };
        if message.is_some() {
            self.base.cached(|| session.cache.len());
        }
        Ok(message)
    }

    /// Does nothing: the message was acknowledged when it arrived.
    ///
    /// # Errors
    /// `NOT_OPENED` (InvalidState).
    pub fn complete(&self, envelope: &MessageEnvelope) -> Result<(), ApplicationError> {
        self.opened(envelope.correlation_id.as_deref()).map(|_| ())
    }

    /// The error of an operation on a received message that the queue cannot do: `NOT_OPENED` (InvalidState) or
    /// `NOT_SUPPORTED` (Unsupported).
    ///
    /// # Errors
    /// Always.
    pub fn not_supported<T>(
        &self,
        envelope: &MessageEnvelope,
        operation: &str,
    ) -> Result<T, ApplicationError> {
        let id = envelope.correlation_id.as_deref();
        self.opened(id)?;
        Err(self.base.not_supported(id, operation))
    }

    /// Drops the messages in the cache. Does not touch a listener.
    pub fn clear(&self, correlation_id: Option<&str>) {
        if let Some(session) = self.session.load_full() {
            session.cache.clear();
            self.base.cached(|| session.cache.len());
        }
        self.base.logger().trace(correlation_id, format_args!("Cleared queue [{}]", self.base.get_name()));
    }

    /// Does what [`ListenedQueue::readiness`](crate::ListenedQueue::readiness) tells.
    ///
    /// # Errors
    /// `NOT_OPENED` (InvalidState), and those of [`ISubscription::subscribe`] that come at once.
    pub fn readiness(&self, correlation_id: Option<&str>) -> Result<Box<dyn Readiness>, ApplicationError> {
        let session = self.opened(correlation_id)?;
        let (cache, subscription) = (session.cache.clone(), session.subscription.clone());
        let correlation_id = correlation_id.map(str::to_owned);
        let mut subscribing: BoxFuture<'static, _> =
            Box::pin(async move { subscription.subscribe(correlation_id.as_deref()).await });
        // Once at least, so that it is under way when this returns.
        let subscribing = match (&mut subscribing).now_or_never() {
            Some(subscribed) => subscribed.map(|()| None)?,
            None => Some(subscribing),
        };
        Ok(Box::new(CacheReadiness { cache, subscribing }))
    }

    /// Does what [`ListenedQueue::put_back`](crate::ListenedQueue::put_back) tells: the message goes to the head
    /// of the cache, and counts no second time. A closed queue drops it, counted and logged, as all in the cache.
    pub fn put_back(&self, envelope: MessageEnvelope) {
        match self.session.load_full() {
            Some(session) if session.cache.put_back(envelope) => self.base.cached(|| session.cache.len()),
            _ => self.base.dropped_at_close(1),
        }
    }
}

impl<S: ISubscription> Session<S> {
    /// Subscribes, and waits for the broker's answer until the queue is closed, and up to `wait_timeout`, or longer where that
    /// is short. Gives what is left of it.
    async fn subscribed(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> Result<Duration, ApplicationError> {
        let mut subscribing = pin!(self.subscription.subscribe(correlation_id));
        // Mostly it is subscribed already, and no clock is read.
        if let Some(subscribed) = subscribing.as_mut().now_or_never() {
            return subscribed.map(|()| wait_timeout);
        }
        let start = Instant::now();
        tokio::select! {
            subscribed = timeout(wait_timeout.max(LEAST_SUBSCRIBE_TIMEOUT), subscribing) => {
                subscribed.unwrap_or(Ok(()))?;
            }
            () = self.cache.closed() => {}
        }
        Ok(wait_timeout.saturating_sub(start.elapsed()))
    }
}

impl<S> Drop for CachedMessageQueue<S> {
    /// Ends the listener, which waits for the cache, although the client may hold the inbox and with it the base.
    fn drop(&mut self) {
        if let Some(session) = self.session.swap(None) {
            self.base.dropped_at_close(session.cache.close());
        }
    }
}
