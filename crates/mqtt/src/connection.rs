use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable, NameResolver},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
    run::{IClosable, IOpenable},
};
use pip_services_components::log::{CompositeLogger, ILogger};
use pip_services_messaging::IMessageQueueConnection;

use crate::{
    client::{LARGEST_PACKET, Publication},
    counters::ConnectionCounters,
    options::{self, ConnectionOptions, MqttVersion, QoS},
    resolver::MqttConnectionResolver,
    router::{MqttMessageListener, Registration, Router},
    session::{CLOSE_TIMEOUT, Session},
    topic,
};

/// A connection to an MQTT broker, which several queues can share; ports `MqttConnection`.
///
/// It reconnects by itself when the connection is lost, and subscribes again before it counts as connected.
///
/// | parameter | default | |
/// |---|---|---|
/// | `client_id` | host name and a random number | the client's id at the broker |
/// | `connection.host`, `connection.port` | –, by protocol | the broker |
/// | `connection.protocol` | `mqtt` | `mqtt` or `tcp` (port 1883); `mqtts`, `ssl` or `tls` (8883); `ws` (80); `wss` (443) |
/// | `connection.uri` | – | all in one, such as `mqtts://user:password@host:8883`; over WebSocket with a path, which is `/mqtt` otherwise |
/// | `connection.ca` | those of the system | file of the certificates whose signature on the broker's certificate counts |
/// | `connection.cert`, `connection.key` | – | files of the client's certificate and its key |
/// | `connection.key_password` | – | of a key in an encrypted PKCS #8 file |
/// | `connection.server_name` | the host | the name that the broker's certificate must have |
/// | `connection.insecure` | false | true takes any certificate of the broker |
/// | `connection.ca` to `connection.insecure` | | an error where the protocol is not encrypted |
/// | `connections.<any>.*` | – | several brokers, each with all of the above, tried in order |
/// | `connection.discovery_key` | – | the connection's key in a discovery service; what that knows takes its turn among several |
/// | `credential.username`, `credential.password` | – | for all brokers, and win over those in a URI, which are for its broker alone |
/// | `credential.store_key` | – | the credential's key in a credential store |
/// | `name`, else `id`, else the name in `descriptor` | `default`, or the queue's name | what its counters are called |
/// | `options.mqtt_version` | `3.1.1` | or `5` |
/// | `options.connect_timeout` | 30000 | milliseconds that `open` takes at most, of which each broker gets an equal share, and that a connection waits for the answer to each subscription later; from 1 to 86400000, a day; `options.max_reconnect` is its old name |
/// | `options.retry_connect` | true | whether a lost connection is restored |
/// | `options.reconnect_timeout` | 1000, or the most where that is less | milliseconds before the first attempt to reconnect, 1 or more; doubled for each further one, and for each connection in a row that did not last |
/// | `options.max_reconnect_timeout` | 30000, or the first where that is more | the most that these milliseconds become, not less than the first |
/// | `options.keepalive_timeout` | 3000 | milliseconds between signs of life, up to 65535000, rounded up to seconds; 0 stands for 18 hours, the most there is |
/// | `options.send_timeout` | 10000 | milliseconds that a send waits for a connection and the broker's acknowledgement, 1 or more |
/// | `options.max_inflight` | 100 | messages that may wait for the broker's acknowledgement, 1 to 65535; more sends wait for room. At QoS 2 over version 3.1.1 the default is 20, as Mosquitto cuts the connection at more unless it is configured otherwise |
/// | `options.clean_session` | true | false keeps the session at the broker; needs a `client_id` |
/// | `options.session_expiry` | for ever | milliseconds that the broker keeps such a session, rounded up to seconds; version 5 only |
/// | `options.will_topic` | – | where the broker publishes a message when the connection is lost, not closed |
/// | `options.will_payload` | empty | that message, sent as it is: read it with `options.serialize_envelope` false, or give the JSON of an envelope |
/// | `options.will_qos`, `options.will_retain` | 0, false | its quality of service, and whether the broker keeps it for new subscribers |
///
/// A connection that is configured again keeps what the new parameters do not name.
///
/// A wrong value is an error of `configure`, or of `open` where it concerns the way to the broker. An unknown parameter is a warning at `open`, with the nearest known one:
/// below `options`, `connection` and `credential`, and each of `connections` and `credentials`, whatever is unknown, elsewhere what
/// looks like a slip or has the name of an option.
/// `credential.token` is ignored with a warning.
///
/// What it counts, under its name or that of the queue whose own connection it is:
///
/// | counter `mqtt.<name>.…` | |
/// |---|---|
/// | `connects` | connections that a broker accepted, the first one and all after it |
/// | `lost_connections` | connections that were lost, not closed |
/// | `dropped_messages` | messages of a kept session that were held for a listener, and dropped; and those that came during a close, or an open that failed, to no queue |
/// | `malformed_messages` | messages whose topic is no text, empty or with a NUL, or which have a NUL in a property, and which are acknowledged and go to nobody; and packets that contradict themselves or that no broker may send, with which the connection ends |
/// | `reconnects` | lost connections that were restored, with their subscriptions |
/// | `publish_time` | an interval: from handing a message at QoS 1 or 2 to the client until its acknowledgement |
/// | `in_flight_messages` | the last number of messages at QoS 1 and 2 that wait for the acknowledgement |
///
/// A lost connection, what keeps it from coming back, and its return are logged once each, not per attempt. So is each broker
/// that an `open` passes over, with the next one. So is a topic that
/// the broker refuses, or grants with less than `options.qos`: it is asked for again, after `options.max_reconnect_timeout` and on
/// each connection, and told of again only where the broker has said something else in between. Where a broker
/// cuts each restored connection soon, that is told once, and nothing more until one lasts: three times the delay before the
/// first attempt, which has doubled for each of them, and a second. Where another client takes the connection over
/// because it has the same id, a warning names the id: at once where the broker says so, as some do in version 5, and after
/// two losses in a row soon after connecting elsewhere.
///
/// A broker that accepts and then leaves a subscription, or its end, without an answer for `options.connect_timeout` is left: for
/// the next one, and when all had their turn, for another attempt. So is one that was connected for long: that counts as a lost
/// connection, and a receive that waits for the subscription goes on waiting. A topic that a broker never answers to thus keeps
/// the connection away until its queue is closed; the log names it.
///
/// A connection with `options.clean_session: false` gets, and acknowledges, what the broker kept for it as soon as it is open. What
/// comes at QoS 1 and 2 before, nobody gets: a broker that the `open` leaves for the next one, or at which it fails, sends it again
/// when it has its turn. An open connection holds what nobody listens to, for the first queue that opens with a matching topic,
/// which gets it in order and before anything newer: up to 10,000 messages and 16 MiB of them. Beyond that the oldest are dropped,
/// and so is what is left when the connection is closed: counted, and logged at warn, once for each burst.
///
/// Such a session keeps all its subscriptions at the broker, also those of an earlier configuration, as of a topic that had another
/// name. What still comes of these nobody listens to: it is acknowledged and held like the rest, and dropped when there is no more
/// room. To be rid of them, open a connection with the same `client_id` and `options.clean_session: true` once.
///
/// At QoS 2 a message that the broker sends again is received once, while a connection with a kept session is open. After its
/// `close` or the end of the process, what the broker had not released yet can come again. So can what a broker forgot that it had
/// published, by a crash, when it gives the message another packet id; and what was received while a large message of the same
/// connection was still being written, where the connection breaks before that ends, as its acknowledgement waits behind it.
///
/// What Mosquitto 2.0 sends again at QoS 2 after its restart, against the protocol, is told from new messages by packet id and
/// content, once some ten messages have shown that the broker gives ids in ascending order. A new message is taken for such a
/// repetition, and lost, only where all of this comes together: the broker crashed and forgot which ids it had given, the connection
/// broke before anything of what it sent then arrived, and the message is the same to the byte as the one before under its id.
/// Messages in envelopes never are.
///
/// A broker that is silent is asked for a sign of life after `options.keepalive_timeout`. Where it says nothing, and takes nothing
/// either, its connection counts as lost after about 2.5 times that, and later where something is still seen to go out. So a large
/// message may take a slow network as long as it needs, where something is seen to go out within one and a half times that time. On
/// Linux that takes about 100 KB, on other systems as much as they take at once, which can be megabytes. What the broker's system has
/// taken, and the broker is slow to read, is never seen, and its connection is cut. Give a longer time where that is so. Zero stands for the longest time that
/// MQTT has, of eighteen hours. Where a broker of version 5 asks for a shorter time, that counts.
///
/// A flood of large messages to a topic that the same connection is subscribed to can block itself, as the
/// client does not read while it cannot write, and then counts as lost; send such on a connection of their own.
///
/// Files are in PEM form, and read when the connection is opened. `mqtts` and `wss` need the feature `tls`, `ws` and
/// `wss` the feature `websocket`; both are on by default.
///
/// References, all optional: loggers `*:logger:*:*:*`, counters `*:counters:*:*:*`, discovery `*:discovery:*:*:*` and credential stores
/// `*:credential-store:*:*:*`.
///
/// ```
/// use pip_services_commons::{config::{ConfigParams, IConfigurable}, run::IOpenable};
/// use pip_services_mqtt::MqttConnection;
///
/// let connection = MqttConnection::new();
/// connection.configure(&ConfigParams::from_tuples([("connection.host", "localhost")]))?;
/// assert!(!connection.is_open());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
pub struct MqttConnection {
    setup: Mutex<Setup>,
    resolver: MqttConnectionResolver,
    logger: Arc<CompositeLogger>,
    counters: Arc<ConnectionCounters>,
    transition: tokio::sync::Mutex<()>,
    router: Arc<Router>,
    session: ArcSwapOption<Session>,
}

/// What `configure` leaves for `open`.
#[derive(Default)]
struct Setup {
    /// All parameters so far.
    config: ConfigParams,
    options: Option<ConnectionOptions>,
    /// What is to be said about the parameters, once there are loggers.
    warnings: Vec<String>,
}

/// Parameters that have been read, for the connection to take: nothing is wrong with them.
pub(crate) struct Parameters {
    config: ConfigParams,
    options: ConnectionOptions,
    resolver: MqttConnectionResolver,
    name: Option<String>,
}

component!(
    MqttConnection: dyn IMessageQueueConnection, dyn IOpenable, dyn IClosable, dyn IConfigurable,
    dyn IReferenceable, dyn IUnreferenceable
);

impl MqttConnection {
    /// A connection that is not configured.
    pub fn new() -> Self {
        Self::named("")
    }

    /// A connection that counts under that name, unless configuration has another.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            setup: Mutex::default(),
            resolver: MqttConnectionResolver::default(),
            logger: Arc::new(CompositeLogger::new()),
            counters: Arc::new(ConnectionCounters::new(name)),
            transition: tokio::sync::Mutex::default(),
            router: Router::new(),
            session: ArcSwapOption::empty(),
        }
    }

    /// Whether the broker is connected at this moment. An open connection may be on its way back to one.
    pub fn is_connected(&self) -> bool {
        self.session.load().as_ref().is_some_and(|session| session.is_connected())
    }

    fn session(&self) -> Result<Arc<Session>, ApplicationError> {
        self.session.load_full().ok_or_else(|| {
            ApplicationError::invalid_state(
                None,
                "NOT_OPENED",
                "the connection to the MQTT broker is not open",
            )
        })
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads parameters over those so far, and changes nothing.
    pub(crate) fn read(&self, config: &ConfigParams) -> Result<Parameters, ApplicationError> {
        let name = match config.get_as_nullable_string("queue") {
            Some(name) => Some(name),
            None => NameResolver::resolve(config)?,
        };
        let config = self.setup().config.override_with(config);
        let options = ConnectionOptions::from_config(&config)?;
        let resolver = MqttConnectionResolver::from_config(&config)?;
        Ok(Parameters { config, options, resolver, name })
    }

    /// Takes parameters that were read. What there is to say about them is said at the `open`.
    pub(crate) fn take(&self, parameters: Parameters, warnings: Vec<String>) {
        let Parameters { config, options, resolver, name } = parameters;
        self.resolver.take(resolver);
        if let Some(name) = name {
            self.counters.set_name(&name);
        }
        *self.setup() = Setup { config, options: Some(options), warnings };
    }

    pub(crate) async fn publish(&self, publication: &Publication<'_>) -> Result<(), ApplicationError> {
        topic::check_topic(publication.topic)?;
        let size = publication.packet_size();
        if size > LARGEST_PACKET {
            let message = format!("the message takes {size} bytes, and MQTT has room for {LARGEST_PACKET}");
            return Err(ApplicationError::bad_request(None, "TOO_LARGE", message)
                .with_details("topic", publication.topic));
        }
        self.session()?.publish(publication).await
    }

    /// Adds a listener. The connection subscribes to its filter, at once or when it is open.
    pub(crate) fn register(
        &self,
        filter: &str,
        qos: QoS,
        listener: Arc<dyn MqttMessageListener>,
    ) -> Registration {
        self.router.register(filter, qos, listener)
    }

    /// Waits until the broker has granted a filter that a listener is registered for.
    pub(crate) async fn subscribed(&self, filter: &str) -> Result<(), ApplicationError> {
        self.session()?.subscribed(filter).await
    }

    /// Waits up to `limit` until nothing more comes of a filter that no listener is registered for.
    pub(crate) async fn unsubscribed(&self, filter: &str, limit: Duration) {
        if let Ok(session) = self.session() {
            session.unsubscribed(filter, limit).await;
        }
    }

    /// Takes no more messages where the broker keeps the session, and waits up to `limit` until those that came are with their
    /// listeners.
    pub(crate) async fn stop_intake(&self, limit: Duration) {
        if let Ok(session) = self.session() {
            session.stop_intake(limit).await;
        }
    }

    /// Closes within `limit`, not counting what an `open` takes that is under way.
    pub(crate) async fn close_within(&self, correlation_id: Option<&str>, limit: Duration) {
        let _turn = self.transition.lock().await;
        if let Some(session) = self.session.swap(None) {
            session.close(limit).await;
            self.logger.debug(correlation_id, format_args!("Disconnected from the MQTT broker"));
        }
    }

    /// How long opening and subscribing may take.
    pub(crate) fn connect_timeout(&self) -> Result<Duration, ApplicationError> {
        self.session().map(|session| session.connect_timeout())
    }

    /// Whether the broker is to keep the session over a close.
    pub(crate) fn keeps_session(&self) -> bool {
        self.setup().options.as_ref().is_some_and(|options| !options.clean_session)
    }

    /// The version of the protocol: of the open connection, or as it is configured.
    pub(crate) fn version(&self) -> MqttVersion {
        match &*self.session.load() {
            Some(session) => session.version(),
            None => self.setup().options.as_ref().map(|options| options.version).unwrap_or_default(),
        }
    }
}

impl Default for MqttConnection {
    fn default() -> Self {
        Self::new()
    }
}

impl IConfigurable for MqttConnection {
    /// Takes the parameters, at the next `open` where it is open; what they do not name stays as it is.
    ///
    /// # Errors
    /// `BAD_VALUE`, `BAD_QOS`, `BAD_TOPIC`, `BAD_DESCRIPTOR`, `NO_TOPIC`, `NO_CLIENT_ID`, `UNSUPPORTED_OPTION`
    /// (Misconfiguration). Nothing is changed then.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let parameters = self.read(config)?;
        let warnings = options::of_connection(&parameters.config);
        self.take(parameters, warnings);
        Ok(())
    }
}

impl IReferenceable for MqttConnection {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.logger.set_references(references)?;
        self.counters.set_references(references)?;
        self.resolver.set_references(references)
    }
}

impl IUnreferenceable for MqttConnection {
    fn unset_references(&self) {
        self.logger.unset_references();
        self.counters.unset_references();
        self.resolver.unset_references();
    }
}

#[async_trait]
impl IOpenable for MqttConnection {
    /// Whether it was opened and not closed. A lost connection stays open: see [`MqttConnection::is_connected`].
    fn is_open(&self) -> bool {
        self.session.load().is_some()
    }

    /// Connects, and returns when a broker has accepted, and has answered to the subscriptions that its queues wait for.
    ///
    /// It does not wait for a broker to come: where all refuse the connection it fails at once, and where they are silent after
    /// `options.connect_timeout`. Only a connection that was there is made again when it is lost.
    ///
    /// # Errors
    /// `CONNECT_FAILED` when no broker does so within `options.connect_timeout`: that of the last one which was tried, of category
    /// Unauthorized when it refused the credentials, else NoResponse. `SUBSCRIBE_FAILED` (NoResponse) when a broker refuses a
    /// subscription: no other is asked then. `NO_CONNECTION`, `NO_HOST`, `BAD_URI`, `UNSUPPORTED_PROTOCOL`,
    /// `NO_USERNAME`, `BAD_VALUE`, also of a file that does not hold what it should (Misconfiguration), and those of discovery and credential stores.
    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let _turn = self.transition.lock().await;
        if self.is_open() {
            return Ok(());
        }
        let (configured, warnings) = {
            let setup = self.setup();
            (setup.options.clone(), setup.warnings.clone())
        };
        let options = match configured {
            Some(options) => options,
            None => ConnectionOptions::from_config(&ConfigParams::new())?,
        };
        for warning in warnings {
            let name = self.counters.name();
            self.logger.warn(correlation_id, format_args!("{warning} at [{name}]"));
        }
        let target = self.resolver.resolve(correlation_id).await?;
        for warning in target.warnings() {
            self.logger.warn(correlation_id, format_args!("{warning}"));
        }
        let session = Session::open(
            correlation_id,
            target,
            options,
            self.router.clone(),
            self.logger.clone(),
            self.counters.clone(),
        )
        .await?;
        self.session.store(Some(Arc::new(session)));
        Ok(())
    }
}

#[async_trait]
impl IClosable for MqttConnection {
    /// Waits for messages in flight, then disconnects, within five seconds. What is still in flight then fails.
    ///
    /// Where messages were sent at QoS 0 it waits as long until the broker has read them: it ends a subscription that there is
    /// not, to `pip-services/nobody`, and the answer comes behind them. For that it has up to four seconds, which the `close` of a
    /// queue shares between it and handlings that run. What the broker has not read in time can be lost, although the send was
    /// `Ok`; a warning says so.
    ///
    /// An `open` that is under way is waited for. Dropping the connection instead waits for nothing.
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.close_within(correlation_id, CLOSE_TIMEOUT).await;
        Ok(())
    }
}

#[async_trait]
impl IMessageQueueConnection for MqttConnection {
    /// None: an MQTT broker knows no queues.
    async fn read_queue_names(&self) -> Result<Vec<String>, ApplicationError> {
        Ok(Vec::new())
    }

    /// Does nothing: an MQTT broker knows no queues.
    async fn create_queue(&self, _name: &str) -> Result<(), ApplicationError> {
        Ok(())
    }

    /// Does nothing: an MQTT broker knows no queues.
    async fn delete_queue(&self, _name: &str) -> Result<(), ApplicationError> {
        Ok(())
    }
}
