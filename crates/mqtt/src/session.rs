//! What an open connection runs on: the client, the task that serves its events, and its state.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::{CompositeLogger, ILogger};
use tokio::{
    net::lookup_host,
    sync::{Semaphore, watch},
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Client, ClientError, Delivery, Event, Events},
    in_flight::InFlight,
    options::{ConnectionOptions, QoS},
    resolver::{ConnectTarget, Endpoint},
    router::{Request, Router},
};

/// How many messages may wait for the broker's acknowledgement. More than this only slows the client down.
const MAX_IN_FLIGHT: u32 = 100;

/// How many bytes these may have together. The client does not read while it cannot write, so with much more
/// it and a broker can wait for each other.
const MAX_BYTES_IN_FLIGHT: u32 = 4 * 1024 * 1024;

/// How long a close waits for what is in flight.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a close waits for the broker to take the goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// The state of the connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// On the way to the first connection.
    Opening,
    /// Connected, and the broker has answered to all filters.
    Up {
        /// Each connection has another number.
        connection: u64,
        /// Counts the broker's sessions: one that was kept has the number that it had.
        session: u64,
    },
    /// Lost, and on the way back.
    Down,
    /// Lost for good.
    Lost,
}

/// What lasts from an `open` of a connection to its `close`.
pub(crate) struct Session {
    core: Arc<Core>,
    slots: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    closed: CancellationToken,
    task: AbortHandle,
}

/// The part that the session shares with its task.
struct Core {
    client: Client,
    router: Arc<Router>,
    target: ConnectTarget,
    options: ConnectionOptions,
    logger: Arc<CompositeLogger>,
    link: watch::Sender<Link>,
    /// Which broker it was connected to last.
    endpoint: AtomicUsize,
}

impl Session {
    /// Connects, trying the brokers in order until one accepts, subscribes to what is wanted, and goes on
    /// serving the connection.
    pub(crate) async fn open(
        correlation_id: Option<&str>,
        target: ConnectTarget,
        options: ConnectionOptions,
        router: Arc<Router>,
        logger: Arc<CompositeLogger>,
    ) -> Result<Self, ApplicationError> {
        let (client, events) = Client::new(&options.client_id)
            .map_err(|error| connect_failed("cannot create a client", "client_id").with_cause(error))?;
        router.forget_grants();
        let link = watch::Sender::new(Link::Opening);
        let endpoint = AtomicUsize::new(usize::MAX);
        let core = Arc::new(Core { client, router, target, options, logger, link, endpoint });
        // Before connecting: messages of a kept session come at once.
        let task = tokio::spawn(core.clone().serve(events)).abort_handle();
        let session = Self {
            core,
            slots: Arc::new(Semaphore::new(MAX_IN_FLIGHT as usize)),
            bytes: Arc::new(Semaphore::new(MAX_BYTES_IN_FLIGHT as usize)),
            closed: CancellationToken::new(),
            task,
        };
        let limit = session.core.options.connect_timeout;
        let opened = timeout(limit, session.core.open()).await.unwrap_or_else(|_| {
            let brokers = session.core.brokers();
            let ms = limit.as_millis();
            let message = format!("no connection to {brokers} within options.connect_timeout ({ms} ms)");
            Err(connect_failed(message, "options.connect_timeout"))
        });
        opened.map(|()| session).map_err(|error| error.with_correlation_id(correlation_id))
    }

    /// Whether the broker is connected at this moment.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.core.link.borrow(), Link::Up { .. })
    }

    /// Publishes, and returns when the message is written (QoS 0) or the broker has it (QoS 1 and 2).
    ///
    /// While the connection is down it waits. A connection that is lost between sending and the
    /// acknowledgement is an error: nobody knows then whether the message reached its consumers.
    pub(crate) async fn publish(
        &self,
        topic: &str,
        payload: Bytes,
        qos: QoS,
        retain: bool,
    ) -> Result<(), ApplicationError> {
        let limit = self.core.options.send_timeout;
        let mut link = self.core.link.subscribe();
        let published = tokio::select! {
            published = timeout(limit, self.try_publish(topic, &payload, qos, retain)) => published,
            () = self.closed.cancelled() => Ok(Err(ClientError::Disconnected)),
            // The client would keep what it has queued for a connection that never comes.
            _ = link.wait_for(|link| *link == Link::Lost) => Ok(Err(ClientError::Disconnected)),
        };
        match published {
            Ok(published) => published.map_err(|error| publish_failed(topic, "").with_cause(error)),
            Err(_) => {
                let why = format!(" within options.send_timeout ({} ms)", limit.as_millis());
                Err(publish_failed(topic, &why))
            }
        }
    }

    async fn try_publish(
        &self,
        topic: &str,
        payload: &Bytes,
        qos: QoS,
        retain: bool,
    ) -> Result<(), ClientError> {
        let weight = u32::try_from(payload.len()).unwrap_or(u32::MAX).clamp(1, MAX_BYTES_IN_FLIGHT);
        let bytes =
            self.bytes.clone().acquire_many_owned(weight).await.map_err(|_| ClientError::Disconnected)?;
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| ClientError::Disconnected)?;
        loop {
            let link = self.link_up().await?;
            match self.core.client.publish(topic, payload, qos, retain) {
                Ok(ack) => {
                    InFlight::new(ack, slot, bytes).acknowledged().await?;
                    // The client sends what it had queued as soon as it is connected again, so before the
                    // subscriptions of a new session are back: who listens here may have missed it.
                    return match (link, self.link_up().await?) {
                        (Link::Up { session: was, .. }, Link::Up { session, .. }) if was == session => Ok(()),
                        _ => Err(ClientError::Disconnected),
                    };
                }
                // Not taken: the client knew of the loss before the task did.
                Err(ClientError::Disconnected) => self.link_changed(link).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the broker has granted a filter that a listener is registered for.
    pub(crate) async fn subscribed(&self, filter: &str) -> Result<(), ApplicationError> {
        let mut changes = self.core.router.changes();
        let mut link = self.core.link.subscribe();
        let outcome = loop {
            if let Some(granted) = self.core.router.granted(filter) {
                break granted;
            }
            if *link.borrow_and_update() == Link::Lost {
                break Err(ClientError::Disconnected);
            }
            // Both are there as long as this session is.
            tokio::select! {
                _ = changes.changed() => {}
                _ = link.changed() => {}
                () = self.closed.cancelled() => break Err(ClientError::Disconnected),
            }
        };
        outcome.map_err(|error| subscribe_failed(filter, error))
    }

    /// How long opening and subscribing may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.core.options.connect_timeout
    }

    /// Waits a while for what is in flight, and disconnects. What is pending then fails.
    pub(crate) async fn close(&self) {
        if self.is_connected() {
            let _ = timeout(FLUSH_TIMEOUT, self.slots.acquire_many(MAX_IN_FLIGHT)).await;
        }
        self.closed.cancel();
        self.task.abort();
        let _ = timeout(GOODBYE_TIMEOUT, self.core.client.disconnect()).await;
    }

    /// Waits until the broker is connected.
    async fn link_up(&self) -> Result<Link, ClientError> {
        let mut link = self.core.link.subscribe();
        let settled =
            link.wait_for(|link| matches!(link, Link::Up { .. } | Link::Lost)).await.map(|link| *link);
        settled.ok().filter(|link| *link != Link::Lost).ok_or(ClientError::Disconnected)
    }

    /// Waits until the link is another than it was.
    async fn link_changed(&self, was: Link) -> Result<(), ClientError> {
        let mut link = self.core.link.subscribe();
        link.wait_for(|link| *link != was).await.map(|_| ()).map_err(|_| ClientError::Disconnected)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.closed.cancel();
        self.task.abort();
    }
}

/// Whatever ends the task, the link is lost then.
struct Ended(Arc<Core>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.link.send_replace(Link::Lost);
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Core {
    fn brokers(&self) -> String {
        self.target.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Loggers are other people's code: a panic there must not end the connection.
    fn tell(&self, tell: impl FnOnce(&CompositeLogger)) {
        let _ = catch_unwind(AssertUnwindSafe(|| tell(&self.logger)));
    }

    /// The first connection, with all that is wanted granted.
    async fn open(&self) -> Result<(), ApplicationError> {
        let lost =
            || connect_failed(format!("{} closed the connection at once", self.brokers()), "connection.host");
        self.connect().await?;
        let mut link = self.link.subscribe();
        tokio::select! {
            () = self.synchronize() => {}
            _ = link.wait_for(|link| *link == Link::Lost) => return Err(lost()),
        }
        if let Some((filter, error)) = self.router.first_refusal() {
            return Err(subscribe_failed(&filter, error));
        }
        let up = |link: &mut Link| {
            let opening = *link == Link::Opening;
            if opening {
                *link = Link::Up { connection: 0, session: 0 };
            }
            opening
        };
        if self.link.send_if_modified(up) { Ok(()) } else { Err(lost()) }
    }

    /// Tries each broker once. True: it is the one of the last connection, and kept its session.
    ///
    /// Each gets an equal share of `options.connect_timeout`, so that one that is silent does not keep the
    /// others from being tried.
    async fn connect(&self) -> Result<bool, ApplicationError> {
        let deadline = Instant::now() + self.options.connect_timeout;
        let share = |left: usize| {
            deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(1)
        };
        let mut last = connect_failed("no broker is configured", "connection");
        let endpoints = &self.target.endpoints;
        for (index, endpoint) in endpoints.iter().enumerate() {
            let left = endpoints.len() - index;
            last = match self.connect_to(endpoint, share(left)).await {
                Ok(kept) => return Ok(self.endpoint.swap(index, Ordering::AcqRel) == index && kept),
                Err(error) => error,
            };
        }
        Err(last)
    }

    async fn connect_to(&self, endpoint: &Endpoint, limit: Duration) -> Result<bool, ApplicationError> {
        let unknown = || {
            let message = format!("connection.host '{}' cannot be resolved", endpoint.host);
            connect_failed(message, "connection.host")
        };
        let addresses: Vec<_> = lookup_host((endpoint.host.as_str(), endpoint.port))
            .await
            .map_err(|error| unknown().with_cause(error))?
            .collect();
        let mut last = unknown();
        let limit = limit / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        for address in addresses {
            last = match self.client.connect(address, &self.target, &self.options, limit).await {
                Ok(kept) => return Ok(kept),
                Err(error @ ClientError::Unauthorized(_)) => {
                    let message = format!("{endpoint} refused credential.username and credential.password");
                    ApplicationError::unauthorized(None, "CONNECT_FAILED", message)
                        .with_details("key", "credential.password")
                        .with_cause(error)
                }
                Err(error) => {
                    let message = format!("cannot connect to {endpoint} (connection.host, connection.port)");
                    connect_failed(message, "connection.host").with_cause(error)
                }
            };
        }
        Err(last)
    }

    /// Serves the events of the client: hands messages over, reconnects, and subscribes to what is wanted.
    async fn serve(self: Arc<Self>, mut events: Events) {
        let _ended = Ended(self.clone());
        let mut changes = self.router.changes();
        // The connection may be open, and queues registered, before this task first runs.
        changes.mark_changed();
        let mut link = self.link.subscribe();
        let (mut connection, mut session) = (0, 0);
        let mut reconnecting: Option<Pin<Box<dyn Future<Output = bool> + Send>>> = None;
        let mut synchronizing: Option<Work> = None;
        loop {
            let is_up = matches!(*link.borrow_and_update(), Link::Up { .. });
            tokio::select! {
                event = events.recv() => match event {
                    None => return,
                    Some(Event::Connected) => self.tell(|logger| {
                        logger.trace(None, format_args!("The broker accepted client '{}'", self.options.client_id));
                    }),
                    Some(Event::Message(delivery)) => self.dispatch(delivery),
                    Some(Event::Disconnected) => {
                        // What was under way belongs to the connection that is gone.
                        synchronizing = None;
                        reconnecting = self.lost().then(|| Box::pin(self.clone().reconnect()) as _);
                    }
                },
                kept = pending_or(&mut reconnecting) => {
                    reconnecting = None;
                    connection += 1;
                    session += u64::from(!kept);
                    self.link.send_replace(Link::Up { connection, session });
                    self.tell(|logger| logger.info(None, format_args!("Reconnected to {}", self.brokers())));
                }
                () = pending_or(&mut synchronizing) => synchronizing = None,
                // The first connection is made elsewhere; what changed meanwhile waits for it.
                _ = link.changed() => {}
                _ = changes.changed(), if is_up && synchronizing.is_none() => {
                    let core = self.clone();
                    synchronizing = Some(Box::pin(async move { core.synchronize().await }));
                }
                () = sleep(self.options.max_reconnect_timeout), if is_up && self.router.has_refusals() => {
                    self.router.forget_refusals();
                }
            }
        }
    }

    /// Notes that the connection was lost. True: it is to be restored.
    fn lost(&self) -> bool {
        let was = *self.link.borrow();
        let restore = self.options.retry_connect && was != Link::Opening;
        self.link.send_replace(if restore { Link::Down } else { Link::Lost });
        let (brokers, client_id) = (self.brokers(), &self.options.client_id);
        match was {
            Link::Up { .. } if restore => self.tell(|logger| {
                let what =
                    format_args!("Lost the connection of client '{client_id}' to {brokers}; reconnecting");
                logger.warn(None, what);
            }),
            Link::Up { .. } => self.tell(|logger| {
                let what =
                    format_args!("Lost the connection to {brokers}, and options.retry_connect is false");
                logger.error(None, None, what);
            }),
            _ => {}
        }
        restore
    }

    /// Reconnects, and subscribes to what is wanted. True: the broker kept the session.
    async fn reconnect(self: Arc<Self>) -> bool {
        let mut delay = self.options.reconnect_timeout;
        let mut told = false;
        loop {
            // Many clients lose a broker at once; they should not all come back at once.
            sleep(delay.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
            delay = (delay * 2).min(self.options.max_reconnect_timeout);
            match self.connect().await {
                Ok(kept) => {
                    if !kept {
                        self.router.forget_grants();
                    }
                    self.synchronize().await;
                    return kept;
                }
                Err(error) if !told => {
                    self.tell(|logger| {
                        logger
                            .warn(None, format_args!("Cannot reconnect yet, and goes on trying: {error:#}"));
                    });
                    told = true;
                }
                Err(_) => {}
            }
        }
    }

    /// Asks the broker for what is wanted and not granted, until nothing is left to ask.
    async fn synchronize(&self) {
        while let Some(request) = self.router.next_request() {
            let lost = match request {
                Request::Subscribe(filter, qos) => {
                    let granted = self.client.subscribe(&filter, qos).await;
                    let lost = matches!(granted, Err(ClientError::Disconnected));
                    if !lost {
                        if let Err(error) = &granted {
                            let what = format_args!("Cannot subscribe to topic '{filter}'");
                            self.tell(|logger| logger.error(None, Some(error), what));
                        }
                        self.router.set_granted(&filter, granted.map(|()| qos));
                    }
                    lost
                }
                Request::Unsubscribe(filter) => {
                    // Before asking: who registers meanwhile must not take the old grant for its own.
                    self.router.set_released(&filter);
                    // A refusal leaves the broker sending what finds no listener, which harms nobody.
                    matches!(self.client.unsubscribe(&filter).await, Err(ClientError::Disconnected))
                }
            };
            if lost {
                // The event of the loss follows, and drops this future.
                std::future::pending().await
            }
        }
    }

    fn dispatch(&self, mut delivery: Delivery) {
        let topic = delivery.topic.clone();
        match self.router.dispatch(&delivery) {
            (0, 0) => self.tell(|logger| {
                logger.debug(None, format_args!("Nobody listens to a message of topic '{topic}'"));
            }),
            (_, 0) => {}
            _ => self.tell(|logger| {
                logger.error(None, None, format_args!("A logger or counter panicked over topic '{topic}'"));
            }),
        }
        if let Some(acknowledge) = delivery.ack.take() {
            acknowledge();
        }
    }
}

/// What the future gives; never anything while there is none.
async fn pending_or<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

fn connect_failed(message: impl Into<String>, key: &str) -> ApplicationError {
    ApplicationError::connection(None, "CONNECT_FAILED", message).with_details("key", key)
}

fn publish_failed(topic: &str, why: &str) -> ApplicationError {
    let message = format!("the broker did not confirm a message to topic '{topic}'{why}");
    ApplicationError::connection(None, "PUBLISH_FAILED", message).with_details("topic", topic)
}

fn subscribe_failed(filter: &str, error: ClientError) -> ApplicationError {
    let message = format!("cannot subscribe to topic '{filter}'");
    ApplicationError::connection(None, "SUBSCRIBE_FAILED", message)
        .with_details("topic", filter)
        .with_cause(error)
}
