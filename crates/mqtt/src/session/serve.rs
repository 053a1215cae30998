//! The task of a connection.

use std::{
    fmt::Arguments,
    mem::replace,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};

use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::ILogger;
use tokio::time::{Instant, sleep};

use super::{
    complaints::Complaints,
    core::Core,
    link::Link,
    recovery::{Loss, Recovery},
    takeover::{Takeover, TakeoverWatch},
    unread::Unread,
};
use crate::client::{Event, Events, Reason};

/// Whatever ends the task, the link is lost then.
struct Ended(Arc<Core>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.link.send_replace(Link::Lost);
    }
}

/// The connection was lost, and the broker may have told why.
struct Lost(Option<Reason>);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Core {
    /// Serves the events of the client: hands messages over, reconnects, and subscribes to what is wanted.
    pub(super) async fn serve(self: Arc<Self>, events: Events) {
        let mut events = Unread::new(events, self.clone());
        let _ended = Ended(self.clone());
        let mut changes = self.router.changes();
        let mut listeners = self.router.changes();
        // The connection may be open, and queues registered, before this task first runs.
        changes.mark_changed();
        let mut link = self.link.subscribe();
        let mut takeover = TakeoverWatch::default();
        let mut complaints = Complaints::default();
        let mut recovery = Recovery::new(self.options.reconnect_timeout, self.options.max_reconnect_timeout);
        let mut reconnecting: Option<Work<Result<usize, ApplicationError>>> = None;
        // Ends when a restored connection has lasted.
        let mut lasting: Option<Work<()>> = None;
        let mut synchronizing: Option<Work<Result<(), ApplicationError>>> = None;
        // Lasts over the events, which would put it off for ever.
        let mut asking_again: Option<Work<()>> = None;
        loop {
            let up_at = link.borrow_and_update().broker();
            if up_at.is_none() || !self.router.has_refusals() {
                asking_again = None;
            } else if asking_again.is_none() {
                asking_again = Some(Box::pin(sleep(self.options.max_reconnect_timeout)));
            }
            tokio::select! {
                lost = self.until_lost(&mut events, &mut takeover, &mut complaints) => {
                    let Some(Lost(reason)) = lost else { return };
                    // What was under way belongs to the connection that is gone.
                    (synchronizing, lasting) = (None, None);
                    let soon = recovery.proof();
                    if let Some(takeover) = takeover.lost(Instant::now(), soon, reason.as_ref()) {
                        self.taken_over(takeover);
                    }
                    let restore = self.lost(reason.map(|reason| reason.to_string()), &mut recovery);
                    reconnecting = restore.then(|| self.attempt(&mut recovery));
                }
                attempted = pending_or(&mut reconnecting) => match attempted {
                    Ok(index) => {
                        reconnecting = None;
                        let (connection, session) =
                            (self.client.connection(), self.session.load(Ordering::Acquire));
                        self.link.send_replace(Link::Up { broker: index, connection, session });
                        self.counters.reconnected();
                        lasting = Some(Box::pin(sleep(recovery.proof())));
                        if recovery.restored() {
                            let endpoint = &self.target.endpoints[index];
                            self.tell(|logger| logger.info(None, format_args!("Reconnected to {endpoint}")));
                        }
                    }
                    Err(error) => {
                        self.failed(&mut recovery, format_args!("{error:#}"));
                        reconnecting = Some(self.attempt(&mut recovery));
                    }
                },
                () = pending_or(&mut lasting) => {
                    lasting = None;
                    if recovery.lasted() {
                        self.tell(|logger| {
                            let client_id = &self.options.client_id;
                            logger.info(None, format_args!("The connection of client '{client_id}' lasts again"));
                        });
                    }
                }
                synchronized = pending_or(&mut synchronizing) => {
                    synchronizing = None;
                    if let Err(error) = synchronized {
                        lasting = None;
                        let restore = self.lost(Some(format!("{error:#}")), &mut recovery);
                        reconnecting = restore.then(|| self.attempt(&mut recovery));
                    }
                }
                _ = listeners.changed(), if !self.options.clean_session => self.hand_over(),
                // The first connection is made elsewhere; what changed meanwhile waits for it.
                _ = link.changed() => {}
                _ = changes.changed(), if up_at.is_some() && synchronizing.is_none() => {
                    synchronizing = up_at.map(|broker| self.synchronizing(broker));
                }
                () = pending_or(&mut asking_again) => {
                    asking_again = None;
                    self.router.forget_refusals();
                }
            }
        }
    }

    /// Serves the events of the client until it has lost its connection; `None` when there are no more. Dropping the future loses
    /// nothing.
    ///
    /// As it lasts over the messages, of which there are the most, so does all else that the task waits for meanwhile.
    async fn until_lost(
        &self,
        events: &mut Unread,
        takeover: &mut TakeoverWatch,
        complaints: &mut Complaints,
    ) -> Option<Lost> {
        loop {
            match events.recv().await? {
                Event::Connected => {
                    takeover.connected(Instant::now());
                    self.counters.connected();
                    self.tell(|logger| {
                        logger.trace(
                            None,
                            format_args!("The broker accepted client '{}'", self.options.client_id),
                        );
                    });
                }
                Event::Message { delivery, waiting: _waiting, .. } => {
                    complaints.well_formed();
                    self.dispatch(delivery);
                }
                Event::Malformed(what, _waiting) => complaints.malformed(self, &what),
                Event::Unsubscribed(filter) => self.router.set_released(&filter),
                // There is another by now.
                Event::Disconnected(connection, _) if connection != self.client.connection() => {}
                Event::Disconnected(_, reason) => return Some(Lost(reason)),
            }
        }
    }

    fn attempt(self: &Arc<Self>, recovery: &mut Recovery) -> Work<Result<usize, ApplicationError>> {
        let (core, delay) = (self.clone(), recovery.next_delay());
        Box::pin(async move { core.reconnect(delay).await })
    }

    fn synchronizing(self: &Arc<Self>, broker: usize) -> Work<Result<(), ApplicationError>> {
        let core = self.clone();
        Box::pin(async move { core.synchronize_or_leave(&core.target.endpoints[broker]).await })
    }

    /// Tells that an attempt failed, if that is new.
    fn failed(&self, recovery: &mut Recovery, why: Arguments<'_>) {
        if recovery.failed() {
            self.tell(|logger| {
                logger.warn(None, format_args!("Cannot reconnect yet, and goes on trying: {why}"));
            });
        }
    }

    /// Notes that the connection was lost. True: it is to be restored.
    fn lost(&self, why: Option<String>, recovery: &mut Recovery) -> bool {
        let (connection, retry) = (self.client.connection(), self.options.retry_connect);
        let mut was = Link::Lost;
        self.link.send_modify(|link| {
            let next = match link {
                // The open may have another broker to try.
                Link::Opening { .. } => Link::Opening { lost: connection },
                _ if retry => Link::Down,
                _ => Link::Lost,
            };
            was = replace(link, next);
        });
        let restore = retry && !matches!(was, Link::Opening { .. });
        let client_id = &self.options.client_id;
        let broker = match was.broker().or_else(|| self.last_broker()) {
            Some(index) => self.target.endpoints[index].to_string(),
            None => self.brokers(),
        };
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        match was {
            Link::Up { .. } => self.counters.lost(),
            // While it was being restored.
            Link::Down => self.failed(recovery, format_args!("{broker} closed the connection{why}")),
            Link::Opening { .. } | Link::Lost => {}
        }
        match was {
            Link::Up { .. } if restore => {
                let how = match recovery.lost() {
                    Loss::New => ", and reconnects",
                    Loss::Again => " again, soon after it came back, and tells no more until it lasts",
                    Loss::Known => return restore,
                };
                self.tell(|logger| {
                    let what =
                        format_args!("Lost the connection of client '{client_id}' to {broker}{how}{why}");
                    logger.warn(None, what);
                });
            }
            Link::Up { .. } => self.tell(|logger| {
                let what =
                    format_args!("Lost the connection to {broker}, and options.retry_connect is false{why}");
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
}

/// What the future gives; never anything while there is none.
async fn pending_or<T>(future: &mut Option<Work<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
