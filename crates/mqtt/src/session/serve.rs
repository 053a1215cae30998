//! The task of a connection.

use std::{pin::Pin, sync::Arc};

use pip_services_components::log::ILogger;
use tokio::time::{Instant, sleep};

use super::{
    core::Core,
    link::Link,
    takeover::{Takeover, TakeoverWatch},
};
use crate::client::{Event, Events, Reason};

/// Whatever ends the task, the link is lost then.
struct Ended(Arc<Core>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.link.send_replace(Link::Lost);
    }
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Core {
    /// Serves the events of the client: hands messages over, reconnects, and subscribes to what is wanted.
    pub(super) async fn serve(self: Arc<Self>, mut events: Events) {
        let _ended = Ended(self.clone());
        let mut changes = self.router.changes();
        let mut listeners = self.router.changes();
        // The connection may be open, and queues registered, before this task first runs.
        changes.mark_changed();
        let mut link = self.link.subscribe();
        let (mut connection, mut session) = (0, 0);
        let mut takeover = TakeoverWatch::new(self.options.reconnect_timeout);
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
                    Some(Event::Message(delivery, _waiting)) => self.dispatch(delivery),
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
}

/// What the future gives; never anything while there is none.
async fn pending_or<T>(future: &mut Option<Work<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
