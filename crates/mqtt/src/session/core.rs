use std::{
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::{CompositeLogger, ILogger};
use tokio::{
    net::lookup_host,
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use super::{
    complaints::Complaints,
    errors::{connect_failed, subscribe_failed},
    held::{Held, MAX_HELD},
    link::Link,
    takeover::{Takeover, TakeoverWatch},
    unread::Unread,
};
use crate::{
    client::{Client, ClientError, Delivery, Event, Events, Reason},
    counters::ConnectionCounters,
    options::ConnectionOptions,
    resolver::{ConnectTarget, Endpoint},
    router::{Request, Router},
    transport::Section,
};

/// The part that the session shares with its task.
pub(super) struct Core {
    pub(super) client: Client,
    pub(super) router: Arc<Router>,
    pub(super) target: ConnectTarget,
    pub(super) options: ConnectionOptions,
    pub(super) logger: Arc<CompositeLogger>,
    pub(super) counters: Arc<ConnectionCounters>,
    pub(super) link: watch::Sender<Link>,
    /// Which broker it was connected to last.
    pub(super) endpoint: AtomicUsize,
    /// What nobody listens to yet. None where the broker keeps no session, and after the close.
    pub(super) held: Mutex<Option<Held>>,
}

/// Whatever ends the task, the link is lost then.
struct Ended(Arc<Core>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.link.send_replace(Link::Lost);
    }
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Core {
    pub(super) fn brokers(&self) -> String {
        self.target.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Loggers are other people's code: a panic there must not end the connection.
    pub(super) fn tell(&self, tell: impl FnOnce(&CompositeLogger)) {
        let _ = catch_unwind(AssertUnwindSafe(|| tell(&self.logger)));
    }

    /// The first connection, with all that is wanted granted.
    pub(super) async fn open(&self) -> Result<(), ApplicationError> {
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
        let host_key = format!("{}.host", endpoint.section);
        let deadline = Instant::now() + limit;
        let addresses =
            found(endpoint, deadline, lookup_host((endpoint.host.as_str(), endpoint.port))).await?;
        let mut last = unknown(endpoint);
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        for address in addresses {
            last = match self
                .client
                .connect(address, &endpoint.transport, &self.target, &self.options, limit)
                .await
            {
                Ok(kept) => return Ok(kept),
                Err(error @ ClientError::Unauthorized(_)) => {
                    let message = format!("{endpoint} refused credential.username and credential.password");
                    ApplicationError::unauthorized(None, "CONNECT_FAILED", message)
                        .with_details("key", "credential.password")
                        .with_cause(error)
                }
                Err(ClientError::Transport(error)) => {
                    let error = error.in_section(Section(&endpoint.section));
                    connect_failed(format!("cannot connect to {endpoint}: {error}"), error.key())
                }
                Err(error) => {
                    let message =
                        format!("cannot connect to {endpoint} ({host_key}, {}.port)", endpoint.section);
                    connect_failed(message, &host_key).with_cause(error)
                }
            };
        }
        Err(last)
    }

    /// Serves the events of the client: hands messages over, reconnects, and subscribes to what is wanted.
    pub(super) async fn serve(self: Arc<Self>, events: Events) {
        let mut events = Unread::new(events, self.clone());
        let _ended = Ended(self.clone());
        let mut changes = self.router.changes();
        let mut listeners = self.router.changes();
        // The connection may be open, and queues registered, before this task first runs.
        changes.mark_changed();
        let mut link = self.link.subscribe();
        let (mut connection, mut session) = (0, 0);
        let mut takeover = TakeoverWatch::new(self.options.reconnect_timeout);
        let mut complaints = Complaints::default();
        let mut reconnecting: Option<Work<bool>> = None;
        let mut synchronizing: Option<Work<()>> = None;
        // Lasts over the events, which would put it off for ever.
        let mut asking_again: Option<Work<()>> = None;
        loop {
            let is_up = matches!(*link.borrow_and_update(), Link::Up { .. });
            if !(is_up && self.router.has_refusals()) {
                asking_again = None;
            } else if asking_again.is_none() {
                asking_again = Some(Box::pin(sleep(self.options.max_reconnect_timeout)));
            }
            tokio::select! {
                event = events.recv() => match event {
                    None => return,
                    Some(Event::Connected) => {
                        takeover.connected(Instant::now());
                        self.counters.connected();
                        self.tell(|logger| {
                            logger.trace(None, format_args!("The broker accepted client '{}'", self.options.client_id));
                        });
                    }
                    Some(Event::Message(delivery, _waiting)) => {
                        complaints.well_formed();
                        self.dispatch(delivery);
                    }
                    Some(Event::Malformed(what, _waiting)) => complaints.malformed(&self, &what),
                    Some(Event::Unsubscribed(filter)) => self.router.set_released(&filter),
                    Some(Event::Disconnected(reason)) => {
                        // What was under way belongs to the connection that is gone.
                        synchronizing = None;
                        if let Some(takeover) = takeover.lost(Instant::now(), reason.as_ref()) {
                            self.taken_over(takeover);
                        }
                        reconnecting = self.lost(reason).then(|| Box::pin(self.clone().reconnect()) as _);
                    }
                },
                kept = pending_or(&mut reconnecting) => {
                    reconnecting = None;
                    connection += 1;
                    session += u64::from(!kept);
                    self.link.send_replace(Link::Up { connection, session });
                    self.counters.reconnected();
                    self.tell(|logger| logger.info(None, format_args!("Reconnected to {}", self.brokers())));
                }
                () = pending_or(&mut synchronizing) => synchronizing = None,
                _ = listeners.changed(), if !self.options.clean_session => self.hand_over(),
                // The first connection is made elsewhere; what changed meanwhile waits for it.
                _ = link.changed() => {}
                _ = changes.changed(), if is_up && synchronizing.is_none() => {
                    let core = self.clone();
                    synchronizing = Some(Box::pin(async move { core.synchronize().await }));
                }
                () = pending_or(&mut asking_again) => {
                    asking_again = None;
                    self.router.forget_refusals();
                }
            }
        }
    }

    /// Notes that the connection was lost. True: it is to be restored.
    fn lost(&self, reason: Option<Reason>) -> bool {
        let was = *self.link.borrow();
        let restore = self.options.retry_connect && was != Link::Opening;
        self.link.send_replace(if restore { Link::Down } else { Link::Lost });
        let (brokers, client_id) = (self.brokers(), &self.options.client_id);
        let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        if matches!(was, Link::Up { .. }) {
            self.counters.lost();
        }
        match was {
            Link::Up { .. } if restore => self.tell(|logger| {
                let what = format_args!(
                    "Lost the connection of client '{client_id}' to {brokers}, and reconnects{why}"
                );
                logger.warn(None, what);
            }),
            Link::Up { .. } => self.tell(|logger| {
                let what =
                    format_args!("Lost the connection to {brokers}, and options.retry_connect is false{why}");
                logger.error(None, None, what);
            }),
            _ => {}
        }
        restore
    }

    fn taken_over(&self, takeover: Takeover) {
        let client_id = &self.options.client_id;
        let what = match takeover {
            Takeover::Certain => "has taken its connection over",
            Takeover::Suspected => "seems to take its connection over again and again",
        };
        let what =
            format_args!("Another client of client_id '{client_id}' {what}; each client needs its own");
        self.tell(|logger| logger.warn(None, what));
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
                    match kept {
                        true => self.router.release_again(),
                        false => self.router.forget_grants(),
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
                    self.router.set_subscribing(&filter);
                    let granted = self.client.subscribe(&filter, qos).await;
                    let lost = matches!(granted, Err(ClientError::Disconnected));
                    if !lost {
                        match &granted {
                            Err(error) => {
                                let what = format_args!("Cannot subscribe to topic '{filter}'");
                                self.tell(|logger| logger.error(None, Some(error), what));
                            }
                            Ok(less) if *less < qos => {
                                let what = format_args!(
                                    "The broker grants topic '{filter}' {less:?} instead of {qos:?}"
                                );
                                self.tell(|logger| logger.warn(None, what));
                            }
                            Ok(_) => {}
                        }
                        // What was asked for, as to ask again would give no more.
                        self.router.set_granted(&filter, granted.map(|_| qos));
                    }
                    lost
                }
                Request::Unsubscribe(filter) => {
                    // Before asking: who registers meanwhile must not take the old grant for its own.
                    self.router.set_releasing(&filter);
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

    fn dispatch(&self, delivery: Delivery) {
        // What came before goes first.
        self.hand_over();
        self.deliver(delivery);
    }

    /// Gives what is held to those who have begun to listen to it.
    fn hand_over(&self) {
        let taken = match &mut *self.held() {
            Some(held) if held.len() > 0 => held.take(&self.router.take_new_filters()),
            _ => return,
        };
        taken.into_iter().for_each(|delivery| self.deliver(delivery));
    }

    fn deliver(&self, mut delivery: Delivery) {
        let topic = &delivery.topic;
        match self.router.dispatch(&delivery) {
            // What still comes of a subscription that ends is for nobody.
            (0, 0) if !self.router.is_ending(topic) => return self.hold(delivery),
            (0, 0) => self.unheard(topic),
            (_, 0) => {}
            _ => self.tell(|logger| {
                logger.error(None, None, format_args!("A logger or counter panicked over topic '{topic}'"));
            }),
        }
        if let Some(acknowledge) = delivery.ack.take() {
            acknowledge();
        }
    }

    /// Keeps a message that nobody listens to where the broker kept the session: its listener may be on its way.
    fn hold(&self, mut delivery: Delivery) {
        let topic = delivery.topic.clone();
        if let Some(acknowledge) = delivery.ack.take() {
            acknowledge();
        }
        let dropped = match &mut *self.held() {
            Some(held) => held.push(delivery),
            None => return self.unheard(&topic),
        };
        self.tell(|logger| {
            logger
                .debug(None, format_args!("Holds a message of topic '{topic}' until somebody listens to it"));
        });
        let Some(dropped) = dropped else { return };
        self.counters.dropped(dropped.count);
        if dropped.first_of_burst {
            self.tell(|logger| {
                let what = format_args!(
                    "No room: drops the oldest of the messages of client '{}' that nobody listens to, and may drop \
                     more; {MAX_HELD} are held, and less if they are large",
                    self.options.client_id
                );
                logger.warn(None, what);
            });
        }
    }

    fn unheard(&self, topic: &str) {
        self.tell(|logger| {
            logger.debug(None, format_args!("Nobody listens to a message of topic '{topic}'"));
        });
    }

    /// Drops what is held, and holds nothing from now on.
    pub(super) fn drop_held(&self) {
        let held = self.held().take();
        let count = held.map_or(0, |held| held.len());
        if count > 0 {
            self.counters.dropped(count);
            self.tell(|logger| {
                let client_id = &self.options.client_id;
                let what =
                    format_args!("Drops {count} messages of client '{client_id}' that nobody listened to");
                logger.warn(None, what);
            });
        }
    }

    /// Drops what is held and was not confirmed to the broker, which sends it again.
    pub(super) fn forget_held(&self) {
        *self.held() = None;
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses that a lookup finds for a broker up to the deadline.
async fn found(
    endpoint: &Endpoint,
    deadline: Instant,
    lookup: impl Future<Output = io::Result<impl Iterator<Item = SocketAddr>>>,
) -> Result<Vec<SocketAddr>, ApplicationError> {
    match timeout_at(deadline, lookup).await {
        Ok(found) => Ok(found.map_err(|error| unknown(endpoint).with_cause(error))?.collect()),
        Err(late) => Err(unknown(endpoint).with_cause(late)),
    }
}

fn unknown(endpoint: &Endpoint) -> ApplicationError {
    let key = format!("{}.host", endpoint.section);
    connect_failed(format!("{key} '{}' cannot be resolved", endpoint.host), &key)
}

/// What the future gives; never anything while there is none.
async fn pending_or<T>(future: &mut Option<Work<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::{iter, net::Ipv4Addr};

    use pip_services_commons::config::ConfigParams;

    use super::*;
    use crate::transport::{Protocol, Transport};

    fn endpoint() -> Endpoint {
        let protocol = Protocol::from_name("mqtt").unwrap();
        let transport =
            Transport::new(protocol, "broker", 1883, None, Section("connections.1"), &ConfigParams::new())
                .unwrap();
        let (host, section) = ("broker".to_owned(), "connections.1".to_owned());
        Endpoint { host, port: 1883, section, transport: Arc::new(transport) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_never_ends_is_given_up_in_time_and_its_host_named() {
        let deadline = Instant::now() + Duration::from_secs(10);
        let lookup = std::future::pending::<io::Result<iter::Empty<SocketAddr>>>();
        let error = found(&endpoint(), deadline, lookup).await.unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("CONNECT_FAILED", Some("connections.1.host")));
        assert!(error.message().contains("'broker' cannot be resolved"), "{error:#}");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1883));
        let lookup = async { Ok(iter::once(address)) };
        assert_eq!(found(&endpoint(), Instant::now(), lookup).await.unwrap(), [address]);
    }
}
