use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use chrono::Utc;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, IMessageReceiver, MessageBuffer, MessageEnvelope, MessageQueue, MessagingCapabilities,
    SendError,
};
use tokio::time::timeout;

use super::{arrivals::Arrivals, session::Session, setup::Setup};
use crate::{MqttConnection, codec, options::QueueOptions, topic};

const CAPABILITIES: MessagingCapabilities = MessagingCapabilities {
    can_message_count: true,
    can_send: true,
    can_receive: true,
    can_peek: true,
    can_peek_batch: true,
    can_renew_lock: false,
    can_abandon: false,
    can_dead_letter: false,
    can_clear: true,
};

/// How long a receive with a short timeout waits for the subscription that the first one makes.
const LEAST_SUBSCRIBE_TIMEOUT: Duration = Duration::from_millis(150);

/// A queue on a topic of an MQTT broker; ports `MqttMessageQueue`.
///
/// It sends to its topic and subscribes to it: at the first receive, peek or listen, or in `open` with
/// `options.autosubscribe`. What is sent before anyone has subscribed reaches nobody, so consumers should set
/// it. The topic can be a filter (`+`, `#`, `$share/<group>/<topic>`); one with wildcards cannot be sent to.
///
/// Messages that arrived wait in a bounded cache. The client acknowledges them to the broker on arrival, so
/// the queue has no locks: `complete` does nothing, and a message whose handling failed is gone. When the
/// cache is full, the oldest message is dropped, counted in `queue.<name>.dropped_messages` and logged, once for
/// all that follow without a pause.
///
/// A connection from the references (`dependencies.connection`) is shared: it must be opened before the queue
/// and is left open. A queue that has `connection.*` parameters of its own, and does not name a shared one,
/// makes its own connection; see [`MqttConnection`] for these parameters.
///
/// | parameter | default | |
/// |---|---|---|
/// | `topic` | the queue's name | topic to send to and filter to subscribe to |
/// | `queue`, `name`, `id`, `descriptor` | the constructor's | the queue's name |
/// | `dependencies.connection` | `*:connection:mqtt:*:1.0` | the shared connection |
/// | `options.qos` | 0 | quality of service, 0 to 2 |
/// | `options.retain` | false | whether the broker keeps the last message for new subscribers |
/// | `options.serialize_envelope` | true | whether the whole envelope travels in JSON, or the payload alone |
/// | `options.autosubscribe` | false | whether `open` subscribes |
/// | `options.max_cache_size` | 10000 | how many messages may wait in the cache |
/// | `options.ack` | `auto` | nothing else at present |
///
/// The other ports document `serialize_envelope` as true, but have false in their code: in a system with these
/// set it on both ends. Without the envelope the message type is the topic, the id is new, and correlation id
/// and time are missing.
///
/// References, all optional: loggers `*:logger:*:*:*`, counters `*:counters:*:*:*`, the shared connection, and
/// those of the own connection.
pub struct MqttMessageQueue {
    base: Arc<MessageQueue>,
    setup: Mutex<Setup>,
    /// The queue's own connection, used when there is no shared one.
    own: Arc<MqttConnection>,
    transition: tokio::sync::Mutex<()>,
    session: ArcSwapOption<Session>,
}

component!(
    MqttMessageQueue: dyn IMessageQueue, dyn IOpenable, dyn IClosable, dyn IConfigurable, dyn IReferenceable,
    dyn IUnreferenceable, dyn ICleanable
);

impl MqttMessageQueue {
    /// A queue of that name, which configuration can replace.
    pub fn new(name: &str) -> Self {
        Self {
            base: Arc::new(MessageQueue::new(name, CAPABILITIES)),
            setup: Mutex::default(),
            own: Arc::new(MqttConnection::new()),
            transition: tokio::sync::Mutex::default(),
            session: ArcSwapOption::empty(),
        }
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, correlation_id: Option<&str>) -> Result<Arc<Session>, ApplicationError> {
        self.session.load_full().ok_or_else(|| self.base.not_opened(correlation_id))
    }

    fn not_supported<T>(&self, envelope: &MessageEnvelope, operation: &str) -> Result<T, ApplicationError> {
        let id = envelope.correlation_id.as_deref();
        self.session(id)?;
        Err(self.base.not_supported(id, operation))
    }

    /// The filter to subscribe to, checked.
    fn filter(
        &self,
        correlation_id: Option<&str>,
        options: &QueueOptions,
    ) -> Result<String, ApplicationError> {
        let filter = options.topic.clone().unwrap_or_else(|| self.base.get_name());
        if filter.is_empty() {
            let message = "topic is not set, and the queue has no name that could stand for it";
            return Err(
                ApplicationError::config(correlation_id, "NO_TOPIC", message).with_details("key", "topic")
            );
        }
        topic::check_filter(&filter).map_err(|error| {
            ApplicationError::config(correlation_id, "BAD_TOPIC", format!("topic: {error}"))
                .with_details("key", "topic")
        })?;
        Ok(filter)
    }

    /// Opens the queue's own connection, or checks the shared one, and waits for the subscription.
    async fn connect(
        &self,
        correlation_id: Option<&str>,
        shared: Option<&MqttConnection>,
        session: &Session,
    ) -> Result<(), ApplicationError> {
        match shared {
            None => self.own.open(correlation_id).await?,
            Some(shared) if shared.is_open() => {}
            Some(_) => {
                let message = "the shared connection is not open; list it before the queue";
                return Err(ApplicationError::connection(correlation_id, "CONNECT_FAILED", message)
                    .with_details("key", "dependencies.connection"));
            }
        }
        if !session.options.autosubscribe {
            return Ok(());
        }
        let limit = session.connection.connect_timeout()?;
        timeout(limit, session.subscribed()).await.unwrap_or_else(|_| {
            let (filter, ms) = (&session.filter, limit.as_millis());
            let message = format!("no answer to topic '{filter}' within options.connect_timeout ({ms} ms)");
            Err(ApplicationError::connection(None, "SUBSCRIBE_FAILED", message).with_details("topic", filter))
        })
    }
}

impl IConfigurable for MqttMessageQueue {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let options = QueueOptions::from_config(config)?;
        let mut configured = Setup { options, ..Setup::default() };
        configured.dependencies.configure(config)?;
        configured.needs_shared = config.get_as_nullable_string("dependencies.connection").is_some();
        configured.has_own =
            ["connection", "connections"].iter().any(|section| !config.get_section(section).is_empty());
        self.own.configure(config)?;
        self.base.configure(config)?;
        let mut setup = self.setup();
        configured.shared = setup.shared.take();
        *setup = configured;
        Ok(())
    }
}

impl IReferenceable for MqttMessageQueue {
    /// Takes loggers, counters and the shared connection.
    ///
    /// # Errors
    /// `REF_ERROR` when `dependencies.connection` names a connection that is not there.
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.base.set_references(references)?;
        self.own.set_references(references)?;
        let (dependencies, needs_shared, has_own) = {
            let setup = self.setup();
            (setup.dependencies.clone(), setup.needs_shared, setup.has_own)
        };
        let shared = match (needs_shared, has_own) {
            (true, _) => Some(dependencies.get_one_required(references, "connection")?),
            (false, true) => None,
            (false, false) => dependencies.get_one_optional(references, "connection"),
        };
        self.setup().shared = shared;
        Ok(())
    }
}

impl IUnreferenceable for MqttMessageQueue {
    /// Lets go of them. An open queue keeps its connection until it is closed.
    fn unset_references(&self) {
        self.base.unset_references();
        self.own.unset_references();
        self.setup().shared = None;
    }
}

#[async_trait]
impl IOpenable for MqttMessageQueue {
    fn is_open(&self) -> bool {
        self.session.load().is_some()
    }

    /// Opens the queue's own connection, where it has no shared one, and subscribes where it should.
    ///
    /// # Errors
    /// `NO_TOPIC`, `BAD_TOPIC` (Misconfiguration), `SUBSCRIBE_FAILED` (NoResponse), `CONNECT_FAILED` when a shared
    /// connection is not open, and those of [`MqttConnection::open`](IOpenable::open).
    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let _turn = self.transition.lock().await;
        if self.is_open() {
            return Ok(());
        }
        let options = self.setup().options.clone();
        let filter = self.filter(correlation_id, &options)?;
        let shared = self.setup().shared.clone();
        let connection = shared.clone().unwrap_or_else(|| self.own.clone());
        let arrivals = Arrivals {
            base: self.base.clone(),
            buffer: MessageBuffer::new(options.max_cache_size),
            serialize_envelope: options.serialize_envelope,
            overflowing: AtomicBool::new(false),
        };
        let session = Session::new(options, filter, connection, arrivals);
        if session.options.autosubscribe || (shared.is_none() && self.own.keeps_session()) {
            // Before connecting: a broker that kept the session sends what it has at once.
            session.register();
        }
        if let Err(error) = self.connect(correlation_id, shared.as_deref(), &session).await {
            self.own.close(correlation_id).await?;
            return Err(error.with_correlation_id(correlation_id));
        }
        self.session.store(Some(Arc::new(session)));
        self.base.logger().debug(correlation_id, format_args!("Opened queue [{}]", self.get_name()));
        Ok(())
    }
}

#[async_trait]
impl IClosable for MqttMessageQueue {
    /// Ends the listener, and closes the queue's own connection, or unsubscribes from a shared one. Cached
    /// messages are dropped.
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let _turn = self.transition.lock().await;
        let was_open = self.is_open();
        if was_open {
            self.base.end_listen().await;
        }
        let session = self.session.swap(None);
        if let Some(session) = &session {
            session.closed.cancel();
        }
        // Also when the queue is not open: an `open` that was cancelled may have left it connected.
        self.own.close(correlation_id).await?;
        // Only now: a session that the broker keeps keeps its subscription.
        drop(session);
        if was_open {
            self.base.logger().debug(correlation_id, format_args!("Closed queue [{}]", self.get_name()));
        }
        Ok(())
    }
}

#[async_trait]
impl ICleanable for MqttMessageQueue {
    /// Drops the messages that wait in the cache. Does not touch a listener.
    async fn clear(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        if let Some(session) = self.session.load_full() {
            session.arrivals.buffer.clear();
        }
        self.base.logger().trace(correlation_id, format_args!("Cleared queue [{}]", self.get_name()));
        Ok(())
    }
}

#[async_trait]
impl IMessageQueue for MqttMessageQueue {
    fn get_name(&self) -> String {
        self.base.get_name()
    }

    fn get_capabilities(&self) -> MessagingCapabilities {
        self.base.capabilities()
    }

    /// How many messages wait in the cache: the broker does not tell of others.
    async fn read_message_count(&self) -> Result<u64, ApplicationError> {
        Ok(self.session(None)?.arrivals.buffer.len() as u64)
    }

    /// Publishes the message. `Ok` means that it was written to the connection (QoS 0), or that the broker has
    /// it (QoS 1 and 2).
    ///
    /// # Errors
    /// `PUBLISH_FAILED` (NoResponse) when there was no connection or no acknowledgement within
    /// `options.send_timeout`: the broker may or may not have the message. `BAD_TOPIC` (BadRequest) when the topic
    /// has wildcards. `NOT_OPENED`.
    async fn send(&self, correlation_id: Option<&str>, envelope: MessageEnvelope) -> Result<(), SendError> {
        let session = match self.session(correlation_id) {
            Ok(session) => session,
            Err(error) => return Err(SendError::new(error, envelope)),
        };
        let mut sent = envelope.clone();
        sent.sent_time = Some(Utc::now());
        let QueueOptions { qos, retain, serialize_envelope, .. } = session.options;
        let body = codec::encode(&sent, serialize_envelope);
        // To send to $share/<group>/<topic> would put it where nobody listens.
        let topic = topic::local_filter(&session.filter);
        match session.connection.publish(topic, body, qos, retain).await {
            Ok(()) => {
                self.base.sent(&sent);
                Ok(())
            }
            Err(error) => {
                let error = error.with_correlation_id(correlation_id);
                let id = envelope.correlation_id.as_deref();
                let name = self.get_name();
                self.base.logger().error(
                    id,
                    Some(&error),
                    format_args!("Failed to send message {envelope} via [{name}]"),
                );
                Err(SendError::new(error, envelope))
            }
        }
    }

    async fn peek(&self, correlation_id: Option<&str>) -> Result<Option<MessageEnvelope>, ApplicationError> {
        Ok(self.peek_batch(correlation_id, 1).await?.pop())
    }

    async fn peek_batch(
        &self,
        correlation_id: Option<&str>,
        message_count: usize,
    ) -> Result<Vec<MessageEnvelope>, ApplicationError> {
        let session = self.session(correlation_id)?;
        session.subscribed().await.map_err(|error| error.with_correlation_id(correlation_id))?;
        let messages = session.arrivals.buffer.peek(message_count);
        self.base.peeked(correlation_id, &messages);
        Ok(messages)
    }

    /// Takes the oldest message of the cache, waiting up to `wait_timeout` for one.
    ///
    /// The first call subscribes. One whose timeout passes before the broker has granted that gives `None`, and
    /// the subscribing goes on.
    ///
    /// # Errors
    /// `SUBSCRIBE_FAILED` (NoResponse), `NOT_OPENED`.
    async fn receive(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> Result<Option<MessageEnvelope>, ApplicationError> {
        let session = self.session(correlation_id)?;
        let start = tokio::time::Instant::now();
        match timeout(wait_timeout.max(LEAST_SUBSCRIBE_TIMEOUT), session.subscribed()).await {
            Ok(subscribed) => subscribed.map_err(|error| error.with_correlation_id(correlation_id))?,
            Err(_) => return Ok(None),
        }
        let rest = wait_timeout.saturating_sub(start.elapsed());
        Ok(session.arrivals.buffer.receive(&session.closed, rest).await)
    }

    /// Not supported: MQTT has no locks.
    async fn renew_lock(&self, envelope: &MessageEnvelope, _: Duration) -> Result<(), ApplicationError> {
        self.not_supported(envelope, "renew_lock")
    }

    /// Does nothing: the message was acknowledged when it arrived.
    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.session(envelope.correlation_id.as_deref()).map(|_| ())
    }

    /// Not supported: the message was acknowledged when it arrived.
    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.not_supported(envelope, "abandon")
    }

    /// Not supported: MQTT has no dead letters.
    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.not_supported(envelope, "move_to_dead_letter")
    }

    async fn listen(
        &self,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        self.base.listen(self, correlation_id, &*receiver).await
    }

    fn begin_listen(
        self: Arc<Self>,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        MessageQueue::begin_listen(self, |queue| &queue.base, correlation_id, receiver)
    }

    async fn end_listen(&self, _correlation_id: Option<&str>) {
        self.base.end_listen().await;
    }
}
