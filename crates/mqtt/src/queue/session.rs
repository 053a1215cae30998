use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::{ISubscription, MessageInbox};

use super::arrivals::Arrivals;
use crate::{
    MqttConnection,
    options::{QueueOptions, Topics},
    router::Registration,
    topic,
};

/// What lasts from an `open` to the next `close`.
pub(super) struct Session {
    pub(super) options: QueueOptions,
    pub(super) topics: Topics,
    pub(super) connection: Arc<MqttConnection>,
    arrivals: Arc<Arrivals>,
    /// There from the first delivery on. Dropping it ends the subscription.
    registration: Mutex<Option<Registration>>,
}

impl Session {
    pub(super) fn new(
        options: QueueOptions,
        topics: Topics,
        connection: Arc<MqttConnection>,
        inbox: MessageInbox,
    ) -> Self {
        let arrivals = Arc::new(Arrivals { inbox, serialize_envelope: options.serialize_envelope });
        Self { options, topics, connection, arrivals, registration: Mutex::default() }
    }

    /// Makes the connection subscribe for this queue, and deliver to it.
    pub(super) fn register(&self) {
        let mut registration = self.registration.lock().unwrap_or_else(PoisonError::into_inner);
        if registration.is_none() {
            let listener = self.arrivals.clone();
            *registration = Some(self.connection.register(&self.topics.filter, self.options.qos, listener));
        }
    }

    /// Takes no more messages than have come, where the broker gives the others to somebody else or keeps them. Waits up to
    /// `limit` until those that came are in the inbox. `own`: the connection is the queue's own. False: they come on.
    pub(super) async fn stop_intake(&self, own: bool, limit: Duration) -> bool {
        if own && self.connection.keeps_session() {
            self.connection.stop_intake(limit).await;
            return true;
        }
        if !topic::is_shared(&self.topics.filter) {
            return false;
        }
        if let Some(registration) = &*self.registration.lock().unwrap_or_else(PoisonError::into_inner) {
            registration.leave();
        }
        self.connection.unsubscribed(&self.topics.filter, limit).await;
        true
    }

    /// Ends the subscription, and waits up to `limit` until nothing more comes of it.
    pub(super) async fn unregister(&self, limit: Duration) {
        let registration = self.registration.lock().unwrap_or_else(PoisonError::into_inner).take();
        if registration.is_some() {
            drop(registration);
            self.connection.unsubscribed(&self.topics.filter, limit).await;
        }
    }
}

impl ISubscription for Session {
    async fn subscribe(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.register();
        let subscribed = self.connection.subscribed(&self.topics.filter).await;
        subscribed.map_err(|error| error.with_correlation_id(correlation_id))
    }
}
