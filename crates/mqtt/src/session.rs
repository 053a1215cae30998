//! What an open connection runs on: the client, the task that serves its events, and its state.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::{CompositeLogger, ILogger};
use tokio::{
    net::lookup_host,
    runtime::Handle,
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch},
    task::AbortHandle,
    time::{sleep, timeout},
};

use crate::{
    client::{Client, ClientError, Delivery, Event, Events, PublishAck},
    options::{ConnectionOptions, QoS},
    resolver::ConnectTarget,
    router::{MqttMessageListener, Router},
};

/// How many messages may wait for the broker's acknowledgement. More than this only slows the client down.
const MAX_IN_FLIGHT: u32 = 100;

/// How long a close waits for what is in flight.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a close waits for the broker to take a goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// The state of the connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Connected, and subscribed to all filters. Each connection has another number.
    Up(u64),
    /// Lost, and on the way back.
    Down,
    /// Lost for good, as reconnecting is turned off.
    Lost,
}

/// What lasts from an `open` of a connection to its `close`.
pub(crate) struct Session {
    core: Arc<Core>,
    link: watch::Receiver<Link>,
    in_flight: Arc<Semaphore>,
    /// Held while subscriptions change, so that a second listener of a filter waits for the first one's grant.
    subscribing: Mutex<()>,
    task: AbortHandle,
}

/// The part that the session shares with its task.
struct Core {
    client: Client,
    router: Router,
    target: ConnectTarget,
    options: ConnectionOptions,
    logger: Arc<CompositeLogger>,
}

impl Session {
    /// Connects, trying the brokers in order until one accepts, and starts the task that serves the connection.
    pub(crate) async fn open(
        correlation_id: Option<&str>,
        target: ConnectTarget,
        options: ConnectionOptions,
        logger: Arc<CompositeLogger>,
    ) -> Result<Self, ApplicationError> {
        let (client, events) = Client::new(&options.client_id)
            .map_err(|error| connect_failed("cannot create a client", "client_id").with_cause(error))?;
        let core = Arc::new(Core { client, router: Router::default(), target, options, logger });
        let limit = core.options.connect_timeout;
        match timeout(limit, core.connect()).await {
            Ok(connected) => connected.map(|_| ()),
            Err(_) => {
                let brokers = core.brokers();
                let message = format!(
                    "{brokers} did not answer within options.connect_timeout ({} ms)",
                    limit.as_millis()
                );
                Err(connect_failed(message, "options.connect_timeout"))
            }
        }
        .map_err(|error| error.with_correlation_id(correlation_id))?;

        let (state, link) = watch::channel(Link::Up(0));
        let task = tokio::spawn(core.clone().serve(events, state)).abort_handle();
        let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT as usize));
        Ok(Self { core, link, in_flight, subscribing: Mutex::new(()), task })
    }

    /// Whether the broker is connected at this moment.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.link.borrow(), Link::Up(_))
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
        let publishing = async {
            let permit =
                self.in_flight.clone().acquire_owned().await.map_err(|_| ClientError::Disconnected)?;
            loop {
                let link = self.link_up().await?;
                match self.core.client.publish(topic, &payload, qos, retain) {
                    Ok(ack) => {
                        InFlight { ack: Some(ack), permit: Some(permit) }.acknowledged().await?;
                        // The client sends what it had queued as soon as it is connected again, so before the
                        // subscriptions of a new session are back: who listens here may have missed it.
                        let crossed = self.core.options.clean_session && *self.link.borrow() != link;
                        return if crossed { Err(ClientError::Disconnected) } else { Ok(()) };
                    }
                    // Not taken: the client knew of the loss before the task did.
                    Err(ClientError::Disconnected) => self.link_changed(link).await?,
                    Err(error) => return Err(error),
                }
            }
        };
        match timeout(limit, publishing).await {
            Ok(published) => published.map_err(|error| publish_failed(topic, "").with_cause(error)),
            Err(_) => {
                let why = format!(" within options.send_timeout ({} ms)", limit.as_millis());
                Err(publish_failed(topic, &why))
            }
        }
    }

    /// Subscribes a listener, and returns when the broker has granted the filter.
    pub(crate) async fn subscribe(
        &self,
        filter: &str,
        qos: QoS,
        listener: Arc<dyn MqttMessageListener>,
    ) -> Result<(), ApplicationError> {
        let _turn = self.subscribing.lock().await;
        // Before asking: retained messages follow the grant at once.
        if !self.core.router.add(filter, qos, listener.clone()) {
            return Ok(());
        }
        let subscribing = async {
            loop {
                let link = self.link_up().await?;
                tokio::select! {
                    outcome = self.core.client.subscribe(filter, qos) => match outcome {
                        Err(ClientError::Disconnected) => self.link_changed(link).await?,
                        outcome => return outcome,
                    },
                    // Of a kept session the client would wait for an answer that never comes.
                    changed = self.link_changed(link) => changed?,
                }
            }
        };
        let limit = self.core.options.connect_timeout;
        let outcome = timeout(limit, subscribing).await.unwrap_or_else(|_| {
            let why = format!("no answer within options.connect_timeout ({} ms)", limit.as_millis());
            Err(ClientError::Failed(why))
        });
        outcome.map_err(|error| {
            self.core.router.remove(filter, &listener);
            let message = format!("cannot subscribe to topic '{filter}'");
            ApplicationError::connection(None, "SUBSCRIBE_FAILED", message)
                .with_details("topic", filter)
                .with_cause(error)
        })
    }

    /// Removes a listener, and tells the broker where it was the last one of the filter.
    pub(crate) async fn unsubscribe(&self, filter: &str, listener: &Arc<dyn MqttMessageListener>) {
        self.forget(filter, listener);
        let _turn = self.subscribing.lock().await;
        if !self.core.router.has(filter) && self.is_connected() {
            // What still arrives on the filter finds no listener, so a failure harms nobody.
            let _ = timeout(GOODBYE_TIMEOUT, self.core.client.unsubscribe(filter)).await;
        }
    }

    /// Removes a listener without telling the broker.
    pub(crate) fn forget(&self, filter: &str, listener: &Arc<dyn MqttMessageListener>) {
        self.core.router.remove(filter, listener);
    }

    /// Waits a while for what is in flight, and disconnects.
    pub(crate) async fn close(&self) {
        if self.is_connected() {
            let _ = timeout(FLUSH_TIMEOUT, self.in_flight.acquire_many(MAX_IN_FLIGHT)).await;
        }
        // Whoever waits to send gets an error now.
        self.in_flight.close();
        self.task.abort();
        let _ = timeout(GOODBYE_TIMEOUT, self.core.client.disconnect()).await;
    }

    /// Waits until the broker is connected.
    async fn link_up(&self) -> Result<Link, ClientError> {
        let mut link = self.link.clone();
        let settled = link.wait_for(|link| *link != Link::Down).await.map(|link| *link);
        settled.ok().filter(|link| *link != Link::Lost).ok_or(ClientError::Disconnected)
    }

    /// Waits until the link is another than it was.
    async fn link_changed(&self, was: Link) -> Result<(), ClientError> {
        let mut link = self.link.clone();
        link.wait_for(|link| *link != was).await.map(|_| ()).map_err(|_| ClientError::Disconnected)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A message on its way, with its place among those in flight.
struct InFlight {
    ack: Option<PublishAck>,
    permit: Option<OwnedSemaphorePermit>,
}

impl InFlight {
    async fn acknowledged(mut self) -> Result<(), ClientError> {
        let outcome = match &mut self.ack {
            Some(ack) => ack.await,
            None => Ok(()),
        };
        self.ack = None;
        outcome
    }
}

impl Drop for InFlight {
    /// The client still has a message whose sender gave up waiting, so its place stays taken.
    fn drop(&mut self) {
        if let (Some(ack), Some(permit), Ok(runtime)) =
            (self.ack.take(), self.permit.take(), Handle::try_current())
        {
            runtime.spawn(async move {
                let _ = ack.await;
                drop(permit);
            });
        }
    }
}

impl Core {
    fn brokers(&self) -> String {
        self.target.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Tries each broker once. True: it kept the session.
    async fn connect(&self) -> Result<bool, ApplicationError> {
        let mut last = connect_failed("no broker is configured", "connection");
        for endpoint in &self.target.endpoints {
            let addresses = match lookup_host((endpoint.host.as_str(), endpoint.port)).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    let message = format!("connection.host '{}' cannot be resolved", endpoint.host);
                    last = connect_failed(message, "connection.host").with_cause(error);
                    continue;
                }
            };
            for address in addresses {
                last = match self.client.connect(address, &self.target, &self.options).await {
                    Ok(session_present) => return Ok(session_present),
                    Err(error @ ClientError::Unauthorized(_)) => {
                        let message =
                            format!("{endpoint} refused credential.username and credential.password");
                        ApplicationError::unauthorized(None, "CONNECT_FAILED", message)
                            .with_details("key", "credential.password")
                            .with_cause(error)
                    }
                    Err(error) => {
                        let message =
                            format!("cannot connect to {endpoint} (connection.host, connection.port)");
                        connect_failed(message, "connection.host").with_cause(error)
                    }
                };
            }
        }
        Err(last)
    }

    /// Serves the events of the client until it is gone: hands messages over, and reconnects.
    async fn serve(self: Arc<Self>, mut events: Events, state: watch::Sender<Link>) {
        let mut connections = 0;
        let mut reconnecting: Option<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = None;
        loop {
            let reconnected = async {
                match &mut reconnecting {
                    Some(reconnecting) => reconnecting.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = events.recv() => match event {
                    None => return,
                    Some(Event::Connected) => {
                        self.logger.trace(None, format_args!("The broker accepted client '{}'", self.options.client_id));
                    }
                    Some(Event::Message(delivery)) => self.dispatch(delivery),
                    Some(Event::Disconnected) if self.options.retry_connect => {
                        if state.send_replace(Link::Down) != Link::Down {
                            self.logger.warn(None, format_args!("Lost the connection to {}; reconnecting", self.brokers()));
                        }
                        // A connection that was lost again while it was being restored starts over.
                        reconnecting = Some(Box::pin(self.clone().reconnect()));
                    }
                    Some(Event::Disconnected) => {
                        state.send_replace(Link::Lost);
                        let brokers = self.brokers();
                        self.logger.error(None, None, format_args!("Lost the connection to {brokers}, and options.retry_connect is false"));
                    }
                },
                () = reconnected => {
                    reconnecting = None;
                    connections += 1;
                    state.send_replace(Link::Up(connections));
                    self.logger.info(None, format_args!("Reconnected to {}", self.brokers()));
                }
            }
        }
    }

    /// Reconnects and subscribes to all filters again.
    async fn reconnect(self: Arc<Self>) {
        let mut delay = self.options.reconnect_timeout;
        let mut told = false;
        loop {
            // Many clients lose a broker at once; they should not all come back at once.
            sleep(delay.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
            delay = (delay * 2).min(self.options.max_reconnect_timeout);
            match self.connect().await {
                Ok(true) => return,
                Ok(false) => return self.resubscribe().await,
                Err(error) if !told => {
                    self.logger
                        .warn(None, format_args!("Cannot reconnect yet, and goes on trying: {error:#}"));
                    told = true;
                }
                Err(_) => {}
            }
        }
    }

    async fn resubscribe(&self) {
        for (filter, qos) in self.router.filters() {
            match self.client.subscribe(&filter, qos).await {
                Ok(()) => {}
                // Lost again: the event of that, which follows, starts over and drops this future.
                Err(ClientError::Disconnected) => std::future::pending().await,
                Err(error) => {
                    let what = format_args!("Lost the subscription to topic '{filter}'");
                    self.logger.error(None, Some(&error), what);
                }
            }
        }
    }

    fn dispatch(&self, mut delivery: Delivery) {
        // Loggers and counters are other people's code: a panic there must not end the connection.
        let dispatched = catch_unwind(AssertUnwindSafe(|| self.router.dispatch(&delivery)));
        if dispatched.is_err() {
            let topic = &delivery.topic;
            self.logger.error(None, None, format_args!("Panicked over a message of topic '{topic}'"));
        }
        if let Some(acknowledge) = delivery.ack.take() {
            acknowledge();
        }
    }
}

fn connect_failed(message: impl Into<String>, key: &str) -> ApplicationError {
    ApplicationError::connection(None, "CONNECT_FAILED", message).with_details("key", key)
}

fn publish_failed(topic: &str, why: &str) -> ApplicationError {
    let message = format!("the broker did not confirm a message to topic '{topic}'{why}");
    ApplicationError::connection(None, "PUBLISH_FAILED", message).with_details("topic", topic)
}
