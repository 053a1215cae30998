//! What an open connection runs on: the client, the task that serves its events, and its state.

mod complaints;
mod connect;
mod core;
mod dispatch;
mod errors;
mod held;
mod link;
mod reconnect;
mod recovery;
mod serve;
mod shortfalls;
mod subscriptions;
mod takeover;
mod unread;

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex as StdMutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::{CompositeLogger, ILogger};
use tokio::{
    sync::{Mutex, MutexGuard, watch},
    task::{AbortHandle, coop::unconstrained},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use self::{
    core::Core,
    errors::{not_published, not_published_in_time, publish_failed, publish_late, subscribe_failed},
    held::Held,
    link::Link,
};
use crate::{
    client::{Client, ClientError, Publication, PublishAck},
    counters::ConnectionCounters,
    in_flight::{InFlight, Window},
    options::{ConnectionOptions, MqttVersion, QoS},
    resolver::ConnectTarget,
    router::Router,
};

/// How long a close may take, of a queue or a connection, with all that it waits for.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What of that is kept for the broker to take the goodbye.
pub(crate) const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// What lasts from an `open` of a connection to its `close`.
pub(crate) struct Session {
    core: Arc<Core>,
    /// Held by the send that is next to give its message to the client, so that their order is kept.
    turn: Mutex<()>,
    window: Window,
    /// Whether it has sent what the broker does not acknowledge.
    has_unacknowledged: AtomicBool,
    closed: CancellationToken,
    task: AbortHandle,
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
        counters: Arc<ConnectionCounters>,
    ) -> Result<Self, ApplicationError> {
        let (client, events) = Client::new(&options.client_id, options.version);
        let link = watch::Sender::new(Link::Opening { lost: 0 });
        let window = Window::new(options.max_inflight, options.max_inflight_at_2, counters.clone());
        let held = StdMutex::new((!options.clean_session).then(Held::default));
        let core = Arc::new(Core {
            client,
            router,
            target,
            options,
            logger,
            counters,
            link,
            opened: AtomicU64::new(0),
            broker: StdMutex::default(),
            session: AtomicU64::new(0),
            held,
            shortfalls: StdMutex::default(),
        });
        // Before connecting: messages of a kept session come at once.
        let task = tokio::spawn(core.clone().serve(events)).abort_handle();
        let session = Self {
            core,
            turn: Mutex::default(),
            window,
            has_unacknowledged: AtomicBool::new(false),
            closed: CancellationToken::new(),
            task,
        };
        let broker = session.core.open().await.map_err(|error| error.with_correlation_id(correlation_id))?;
        session.core.tell(|logger| {
            logger.debug(correlation_id, format_args!("Connected to the MQTT broker {broker}"));
        });
        Ok(session)
    }

    /// Takes no more messages of a session that the broker keeps, and waits up to `limit` until those that came are with
    /// their listeners. The broker sends what comes later again when the session is opened again.
    pub(crate) async fn stop_intake(&self, limit: Duration) {
        if !self.core.options.clean_session {
            let _ = timeout(limit, self.core.client.stop_intake()).await;
        }
    }

    /// Whether the broker is connected at this moment.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.core.link.borrow(), Link::Up { .. })
    }

    /// Publishes, and returns when the client has the message for a broker that is connected (QoS 0), or the broker
    /// has it (QoS 1 and 2). Messages go to the broker in the order in which the futures were polled first.
    ///
    /// While the connection is down it waits. A connection that is lost between sending and the
    /// acknowledgement is an error: nobody knows then whether the message reached its consumers.
    pub(crate) async fn publish(&self, publication: &Publication<'_>) -> Result<(), ApplicationError> {
        let limit = self.core.options.send_timeout;
        // In line before anything else, as neither `select!` nor a lock looks at it where the scheduler thinks
        // that this task has run for long enough.
        let mut turn = pin!(unconstrained(self.turn.lock()));
        let first = poll_fn(|context| Poll::Ready(turn.as_mut().poll(context))).await;
        let turn = async {
            match first {
                Poll::Ready(turn) => turn,
                Poll::Pending => turn.await,
            }
        };
        // The client may have the message, and so the broker.
        let given = AtomicBool::new(false);
        let published = tokio::select! {
            // Most need not look at the others.
            biased;
            published = timeout(limit, self.try_publish(turn, publication, &given)) => published,
            () = self.closed.cancelled() => Ok(Err(ClientError::Disconnected)),
            // The client would keep what it has queued for a connection that never comes.
            () = self.lost() => Ok(Err(ClientError::Disconnected)),
        };
        let (topic, given) = (publication.topic, given.load(Ordering::Relaxed));
        match published {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if given => Err(publish_failed(topic, error)),
            Ok(Err(error)) => Err(not_published(topic, error)),
            Err(_) if given => Err(publish_late(topic, limit)),
            Err(_) => Err(not_published_in_time(topic, limit, self.is_connected())),
        }
    }

    /// Tells by `given` when the client has the message.
    async fn try_publish(
        &self,
        turn: impl Future<Output = MutexGuard<'_, ()>>,
        publication: &Publication<'_>,
        given: &AtomicBool,
    ) -> Result<(), ClientError> {
        let turn = turn.await;
        if publication.qos == QoS::AtMostOnce {
            let place = self.window.enter_unwritten(publication.payload.len()).await?;
            self.has_unacknowledged.store(true, Ordering::Release);
            let (_, ack) = self.give(publication).await?;
            // To wait for the client's thread would tell no more about the broker.
            place.leave_when_written(ack);
            return Ok(());
        }
        let place = self.window.enter(publication.payload.len(), publication.qos).await?;
        let (link, ack) = self.give(publication).await?;
        given.store(true, Ordering::Relaxed);
        drop(turn);
        let timing = self.core.counters.begin_publish();
        // Dropped at the end: a close that waits for the place must not come before the answer.
        let mut in_flight = InFlight::new(ack, place);
        in_flight.acknowledged().await?;
        timing.end();
        // The connection may have been lost and made again just before the client took the message, so that it went
        // out before the subscriptions of a new session were back: who listens here may have missed it.
        match (link, self.link_up().await?) {
            (Link::Up { session: was, .. }, Link::Up { session, .. }) if was == session => Ok(()),
            _ => Err(ClientError::Disconnected),
        }
    }

    /// Gives a message to the client, once the broker is connected. Also gives the link at that moment.
    async fn give(&self, publication: &Publication<'_>) -> Result<(Link, PublishAck), ClientError> {
        loop {
            let link = self.link_up().await?;
            match self.core.client.publish(publication) {
                Ok(ack) => return Ok((link, ack)),
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

    /// Waits up to `limit` until nothing more comes of a filter that no listener is registered for.
    pub(crate) async fn unsubscribed(&self, filter: &str, limit: Duration) {
        let mut changes = self.core.router.changes();
        let mut link = self.core.link.subscribe();
        let released = async {
            // What a lost connection leaves open is settled when the next one is made.
            while matches!(*link.borrow_and_update(), Link::Up { .. }) && !self.core.router.released(filter) {
                // Both are there as long as this session is.
                tokio::select! {
                    _ = changes.changed() => {}
                    _ = link.changed() => {}
                    () = self.closed.cancelled() => break,
                }
            }
        };
        let _ = timeout(limit, released).await;
    }

    /// The version of the protocol.
    pub(crate) fn version(&self) -> MqttVersion {
        self.core.options.version
    }

    /// How long opening and subscribing may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.core.options.connect_timeout
    }

    /// Waits for what is in flight, at QoS 0 until the broker has read it, and disconnects, all of it within `limit`. What is
    /// pending then fails.
    pub(crate) async fn close(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        if self.is_connected() {
            let limit = limit.saturating_sub(GOODBYE_TIMEOUT);
            let (_, flushed) = tokio::join!(self.stop_intake(limit), timeout(limit, self.flush()));
            if flushed != Ok(true) {
                let client_id = &self.core.options.client_id;
                let what = format_args!(
                    "Client '{client_id}' is closed before the broker has answered to all that was sent, which may be lost"
                );
                self.core.tell(|logger| logger.warn(None, what));
            }
        }
        self.window.shut();
        self.closed.cancel();
        self.task.abort();
        self.core.drop_held();
        let _ = timeout_at(deadline, self.core.client.disconnect()).await;
    }

    /// Waits until the broker has all that was sent, and lets nothing in from now on. False: the connection is lost before.
    async fn flush(&self) -> bool {
        self.window.drain().await;
        let must_ask = self.has_unacknowledged.load(Ordering::Acquire);
        // A refusal is an answer as well.
        !must_ask || !matches!(self.core.client.flush().await, Err(ClientError::Disconnected))
    }

    /// Waits until the broker is connected.
    async fn link_up(&self) -> Result<Link, ClientError> {
        let is_settled = |link: &Link| matches!(link, Link::Up { .. } | Link::Lost);
        let mut link = *self.core.link.borrow();
        if !is_settled(&link) {
            link = self.link_when(is_settled).await?;
        }
        if link == Link::Lost { Err(ClientError::Disconnected) } else { Ok(link) }
    }

    /// Waits until the link is lost for good.
    async fn lost(&self) {
        let _ = self.link_when(|link| *link == Link::Lost).await;
    }

    /// Waits until the link is another than it was.
    async fn link_changed(&self, was: Link) -> Result<(), ClientError> {
        self.link_when(|link| *link != was).await.map(|_| ())
    }

    async fn link_when(&self, is_there: impl FnMut(&Link) -> bool) -> Result<Link, ClientError> {
        let mut link = self.core.link.subscribe();
        link.wait_for(is_there).await.map(|link| *link).map_err(|_| ClientError::Disconnected)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.closed.cancel();
        self.task.abort();
        self.core.drop_held();
    }
}
