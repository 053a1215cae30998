use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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
    CachedMessageQueue, IMessageQueue, IMessageReceiver, ListenedQueue, MessageEnvelope, MessageInbox,
    MessageQueue, MessagingCapabilities, Readiness, SendError,
};
use tokio::time::{Instant, timeout};

use super::{session::Session, setup::Setup};
use crate::{
    MqttConnection,
    client::Publication,
    codec,
    session::{CLOSE_TIMEOUT, GOODBYE_TIMEOUT},
};

/// What a close keeps for the handlings that run when it has to stop giving out messages.
const LAST_HANDLING: Duration = Duration::from_secs(1);

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

/// A queue on a topic of an MQTT broker; ports `MqttMessageQueue`.
///
/// It sends to its topic and subscribes to it: at the first receive, peek or listen, or in `open` with
/// `options.autosubscribe`. What is sent before anyone has subscribed reaches nobody, so consumers should set
/// it. The topic can be a filter (`+`, `#`, `$share/<group>/<topic>`); one with wildcards cannot be sent to, but
/// `options.publish_topic` can. An envelope does not hold the topic, so that a consumer of `a/+` cannot learn which one
/// a message had; without envelopes it is the message type.
///
/// Messages that arrived wait in the bounded cache of a [`CachedMessageQueue`]. The client acknowledges them to
/// the broker on arrival, so the queue has no locks: `complete` does nothing, and a message whose handling failed
/// is gone.
///
/// A connection from the references (`dependencies.connection`) is shared: it must be opened before the queue
/// and is left open. A queue that has `connection.*` parameters of its own, and does not name a shared one,
/// makes its own connection; see [`MqttConnection`] for these parameters. On a shared one they have no effect, which
/// is a warning with their names.
///
/// | parameter | default | |
/// |---|---|---|
/// | `topic` | the queue's name | topic to send to and filter to subscribe to |
/// | those of [`CachedMessageQueue`] and [`MessageQueue`] | | the queue's name, cache and listener |
/// | `dependencies.connection` | `*:connection:mqtt:*:1.0` | the shared connection |
/// | `options.qos` | 0 | quality of service, 0 to 2 |
/// | `options.retain` | false | whether the broker keeps the last message for new subscribers; an empty payload clears it, with `options.serialize_envelope` false |
/// | `options.serialize_envelope` | true | whether the whole envelope travels in JSON, or the payload alone |
/// | `options.shared_group` | – | shares the topic's messages with the other consumers of that group: subscribes to `$share/<group>/<topic>` |
/// | `options.publish_topic` | the topic | the topic to send to, where it is another one |
/// | `options.message_expiry` | – | milliseconds that the broker keeps a message for who is not there, rounded up to seconds; version 5 only |
/// | `options.content_type` | – | what the payloads are, for other clients, such as `application/json`; version 5 only |
/// | `options.ack` | `auto` | nothing else at present |
///
/// Queues of one `options.shared_group` that share a connection take turns. Where it also has another group of the
/// topic, or a queue without a group, each of them gets each copy that the broker sends: messages then come twice, and
/// none is lost. Queues with connections of their own get each message once.
///
/// A queue that is configured again keeps what the new parameters do not name.
///
/// The other ports document `serialize_envelope` as true, but have false in their code: in a system with these
/// set it on both ends. Without the envelope the message type is the topic, the id is new, and correlation id
/// and time are missing: unless `options.mqtt_version` is 5, where properties of the message carry them.
///
/// | property of MQTT 5, without the envelope | holds | read back |
/// |---|---|---|
/// | user property `message_id` | the id | as the id; a new one where it is missing |
/// | user property `correlation_id` | the correlation id | as it |
/// | correlation data | the correlation id's bytes, for other clients | where that user property is missing, if it is text |
/// | user property `message_type` | the type | as it; where it is missing, none if there is a `message_id`, else the topic |
/// | user property `sent_time` | the time in RFC 3339 | as it; none where it is no time |
/// | content type, message expiry, with and without the envelope | the options | by other clients and the broker |
///
/// No payload arrives as an empty one, and an id or type with a control character, which properties cannot have,
/// fails the send. Other properties are ignored, and of a message's user properties the first 64 are read.
///
/// References, all optional: loggers `*:logger:*:*:*`, counters `*:counters:*:*:*`, the shared connection, and
/// those of the own connection.
pub struct MqttMessageQueue {
    cached: CachedMessageQueue<Session>,
    setup: Mutex<Setup>,
    /// The queue's own connection, used when there is no shared one.
    own: Arc<MqttConnection>,
    transition: tokio::sync::Mutex<()>,
}

component!(
    MqttMessageQueue: dyn IMessageQueue, dyn IOpenable, dyn IClosable, dyn IConfigurable, dyn IReferenceable,
    dyn IUnreferenceable, dyn ICleanable
);

impl MqttMessageQueue {
    /// A queue of that name, which configuration can replace.
    pub fn new(name: &str) -> Self {
        Self {
            cached: CachedMessageQueue::new(name, CAPABILITIES),
            setup: Mutex::default(),
            own: Arc::new(MqttConnection::named(name)),
            transition: tokio::sync::Mutex::default(),
        }
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the listener within the time of a close but for its end. Where messages are nobody else's once they have come, it
    /// gets them all before, if it can.
    async fn end_listening(&self) {
        let deadline = Instant::now() + CLOSE_TIMEOUT.saturating_sub(GOODBYE_TIMEOUT);
        let left = || deadline.saturating_duration_since(Instant::now());
        if let Ok(session) = self.cached.session(None) {
            let own = Arc::ptr_eq(&session.connection, &self.own);
            if session.stop_intake(own, left() / 2).await {
                // What runs when that is over has a second, as it may be nearly done.
                self.cached.base().finish_listen_within(left().saturating_sub(LAST_HANDLING)).await;
            }
        }
        self.cached.base().end_listen_within(left()).await;
    }

    /// Opens the queue's own connection, or checks the shared one, and the cache, which subscribes.
    async fn connect(
        &self,
        correlation_id: Option<&str>,
        shared: Option<&MqttConnection>,
        inbox: MessageInbox,
        session: Session,
    ) -> Result<(), ApplicationError> {
        match shared {
            None => self.own.open(correlation_id).await?,
            Some(shared) if shared.is_open() => {}
            Some(_) => {
                let message = "the shared connection is not open; open it before the queue; \
                               in a configuration file, list it first";
                return Err(ApplicationError::connection(correlation_id, "CONNECT_FAILED", message)
                    .with_details("key", "dependencies.connection"));
            }
        }
        let (limit, filter) = (session.connection.connect_timeout()?, session.topics.filter.clone());
        let opening = timeout(limit, self.cached.open(correlation_id, inbox, session));
        opening.await.unwrap_or_else(|_| {
            let ms = limit.as_millis();
            let message = format!("no answer to topic '{filter}' within options.connect_timeout ({ms} ms)");
            Err(ApplicationError::connection(None, "SUBSCRIBE_FAILED", message).with_details("topic", filter))
        })
    }
}

impl IConfigurable for MqttMessageQueue {
    /// Takes the parameters. An open queue takes what concerns its session at the next `open`.
    ///
    /// # Errors
    /// `BAD_VALUE`, `BAD_QOS`, `BAD_TOPIC`, `BAD_DESCRIPTOR`, `NO_TOPIC`, `NO_CLIENT_ID`, `UNSUPPORTED_OPTION`
    /// (Misconfiguration). Nothing is changed then.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let mut configured = Setup::from_config(self.setup().config.override_with(config))?;
        let own = self.own.read(config)?;
        // The last that can be wrong, so that all is taken or nothing.
        self.cached.configure(config)?;
        // The queue has said what there is to say about them.
        self.own.take(own, Vec::new());
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
        self.cached.set_references(references)?;
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
        self.cached.unset_references();
        self.own.unset_references();
        self.setup().shared = None;
    }
}

#[async_trait]
impl IOpenable for MqttMessageQueue {
    fn is_open(&self) -> bool {
        self.cached.is_open()
    }

    /// Opens the queue's own connection, where it has no shared one, and subscribes where it should.
    ///
    /// # Errors
    /// `NO_TOPIC`, `BAD_TOPIC`, `UNSUPPORTED_OPTION` (Misconfiguration), `SUBSCRIBE_FAILED` (NoResponse), `CONNECT_FAILED` when a shared
    /// connection is not open, and those of [`MqttConnection::open`](IOpenable::open).
    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let _turn = self.transition.lock().await;
        if self.is_open() {
            return Ok(());
        }
        let (options, shared, warnings) = {
            let setup = self.setup();
            (setup.options.clone(), setup.shared.clone(), setup.warnings())
        };
        for warning in warnings {
            self.cached
                .base()
                .logger()
                .warn(correlation_id, format_args!("{warning} at [{}]", self.get_name()));
        }
        let connection = shared.clone().unwrap_or_else(|| self.own.clone());
        let topics = options
            .check_version(connection.version())
            .and_then(|()| options.topics(&self.get_name()))
            .map_err(|error| error.with_correlation_id(correlation_id))?;
        let inbox = self.cached.inbox();
        let session = Session::new(options, topics, connection, inbox.clone());
        if self.cached.autosubscribe() || (shared.is_none() && self.own.keeps_session()) {
            // Before connecting: a broker that kept the session sends what it has at once.
            session.register();
        }
        if let Err(error) = self.connect(correlation_id, shared.as_deref(), inbox, session).await {
            self.own.close(correlation_id).await?;
            return Err(error.with_correlation_id(correlation_id));
        }
        Ok(())
    }
}

#[async_trait]
impl IClosable for MqttMessageQueue {
    /// Starts no more handlings and waits for those that run. Then it closes the queue's own connection, which waits for
    /// messages in flight, or unsubscribes from a shared one and waits for the broker's answer. Cached messages are
    /// dropped, counted in `queue.<name>.dropped_messages` and logged with their number.
    ///
    /// A queue whose own connection has `options.clean_session: false` first takes no more messages at QoS 1 and 2, and does not
    /// acknowledge them, so that the broker sends them again after the next `open`. What it took before is acknowledged: its
    /// listener goes on with that for up to three seconds, and the rest is dropped as above. A member of an
    /// `options.shared_group` first leaves the group, and its listener goes on in the same way. A handling that calls `close`
    /// is not waited for, and neither are the messages behind it. With other queues, what comes during a `close` is for nobody;
    /// what comes at QoS 0 meanwhile is lost in any case.
    ///
    /// All of that takes up to five seconds, the last of which is for the broker to take the goodbye. What is not over
    /// then is left behind: a handling finishes in its own time, as [`end_listen`](IMessageQueue::end_listen) tells, and a
    /// message in flight fails. An `open` that is under
    /// way is waited for as well. Dropping the queue instead waits for nothing.
    ///
    /// On a shared connection with `options.clean_session: false` the broker keeps nothing for a queue that is closed, as
    /// it is not subscribed any more; it does where the connection is closed before the queue, which a container does
    /// not. A queue that is to miss nothing while it is closed has such a connection of its own.
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let start = Instant::now();
        // Before taking turns: a handling may close the queue as well.
        self.end_listening().await;
        let limit = CLOSE_TIMEOUT.saturating_sub(start.elapsed());
        let _turn = self.transition.lock().await;
        let deadline = Instant::now() + limit;
        let left = || deadline.saturating_duration_since(Instant::now());
        let session = self.cached.close_within(correlation_id, left().saturating_sub(GOODBYE_TIMEOUT)).await;
        // Also when the queue is not open: an `open` that was cancelled may have left it connected.
        self.own.close_within(correlation_id, left()).await;
        // Only now: a session that the broker keeps keeps its subscription.
        if let Some(session) = session {
            session.unregister(left()).await;
        }
        Ok(())
    }
}

#[async_trait]
impl ICleanable for MqttMessageQueue {
    /// Drops the messages that wait in the cache. Does not touch a listener.
    async fn clear(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.cached.clear(correlation_id);
        Ok(())
    }
}

#[async_trait]
impl IMessageQueue for MqttMessageQueue {
    fn get_name(&self) -> String {
        self.cached.base().get_name()
    }

    fn get_capabilities(&self) -> MessagingCapabilities {
        self.cached.base().capabilities()
    }

    /// How many messages wait in the cache: the broker does not tell of others.
    async fn read_message_count(&self) -> Result<u64, ApplicationError> {
        self.cached.read_message_count()
    }

    /// Publishes the message. `Ok` means that it is on its way to a broker that is connected (QoS 0), or that the
    /// broker has it (QoS 1 and 2).
    ///
    /// A broker of version 3.1.1 has no way to refuse a message: it acknowledges what it drops for want of a
    /// permission. One of version 5 says so.
    ///
    /// # Errors
    /// `PUBLISH_FAILED` (NoResponse) when there was no connection, no room or no acknowledgement within
    /// `options.send_timeout`, or the queue was closed or its connection lost meanwhile: nothing sends the message again, with a
    /// kept session neither, and the broker may have it all the same. The detail `sent` is `false` where it never left, so that it can be sent again and comes once; else it is
    /// absent. Also when the broker refused the message, with its code in the detail `reason_code`. `BAD_TOPIC`
    /// (BadRequest) when the topic has wildcards, `BAD_PROPERTY` (BadRequest) when an id or type of the envelope is a text that MQTT 5 does not have, `TOO_LARGE` (BadRequest)
    /// when the whole message has more than the 268,435,455 bytes of MQTT. `NOT_OPENED`.
    async fn send(
        &self,
        correlation_id: Option<&str>,
        mut envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
        let session = match self.cached.session(correlation_id) {
            Ok(session) => session,
            Err(error) => return Err(SendError::new(error, envelope)),
        };
        let given = envelope.sent_time.replace(Utc::now());
        let (options, topic) = (&session.options, session.topics.publish.as_str());
        let published = match codec::encode(&envelope, options, session.connection.version()) {
            Ok((payload, properties)) => {
                let (qos, retain) = (options.qos, options.retain);
                let publication = Publication { topic, payload, qos, retain, properties };
                session.connection.publish(&publication).await
            }
            Err(error) => Err(error),
        };
        match published {
            Ok(()) => {
                self.cached.base().sent(correlation_id, &envelope);
                Ok(())
            }
            Err(error) => {
                envelope.sent_time = given;
                let error = error.with_correlation_id(correlation_id);
                let (id, name) = (envelope.correlation_id.as_deref().or(correlation_id), self.get_name());
                let what = format_args!("Failed to send message {envelope} via [{name}]");
                self.cached.base().logger().error(id, Some(&error), what);
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
        self.cached.peek_batch(correlation_id, message_count).await
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
        self.cached.receive(correlation_id, wait_timeout).await
    }

    /// Not supported: MQTT has no locks.
    async fn renew_lock(&self, envelope: &MessageEnvelope, _: Duration) -> Result<(), ApplicationError> {
        self.cached.not_supported(envelope, "renew_lock")
    }

    /// Does nothing: the message was acknowledged when it arrived.
    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.cached.complete(envelope)
    }

    /// Not supported: the message was acknowledged when it arrived.
    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.cached.not_supported(envelope, "abandon")
    }

    /// Not supported: MQTT has no dead letters.
    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.cached.not_supported(envelope, "move_to_dead_letter")
    }

    async fn listen(
        &self,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        MessageQueue::listen(self, correlation_id, &*receiver).await
    }

    fn begin_listen(
        self: Arc<Self>,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        MessageQueue::begin_listen(&self, correlation_id, receiver)
    }

    async fn end_listen(&self, _correlation_id: Option<&str>) {
        self.cached.base().end_listen().await;
    }
}

impl ListenedQueue for MqttMessageQueue {
    fn base(&self) -> &MessageQueue {
        self.cached.base()
    }

    fn readiness(&self, correlation_id: Option<&str>) -> Result<Box<dyn Readiness>, ApplicationError> {
        self.cached.readiness(correlation_id)
    }

    fn put_back(&self, envelope: MessageEnvelope) {
        self.cached.put_back(envelope);
    }
}
