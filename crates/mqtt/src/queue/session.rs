use std::sync::{Arc, Mutex, PoisonError};

use pip_services_commons::errors::ApplicationError;
use tokio_util::sync::CancellationToken;

use super::arrivals::Arrivals;
use crate::{MqttConnection, options::QueueOptions, router::Registration};

/// What lasts from an `open` to the next `close`.
pub(super) struct Session {
    pub(super) options: QueueOptions,
    pub(super) filter: String,
    pub(super) connection: Arc<MqttConnection>,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) closed: CancellationToken,
    /// There from the first delivery on. Dropping it ends the subscription.
    registration: Mutex<Option<Registration>>,
}

impl Session {
    pub(super) fn new(
        options: QueueOptions,
        filter: String,
        connection: Arc<MqttConnection>,
        arrivals: Arrivals,
    ) -> Self {
        Self {
            options,
            filter,
            connection,
            arrivals: Arc::new(arrivals),
            closed: CancellationToken::new(),
            registration: Mutex::default(),
        }
    }

    /// Makes the connection subscribe for this queue, and deliver to it.
    pub(super) fn register(&self) {
        let mut registration = self.registration.lock().unwrap_or_else(PoisonError::into_inner);
        if registration.is_none() {
            let listener = self.arrivals.clone();
            *registration = Some(self.connection.register(&self.filter, self.options.qos, listener));
        }
    }

    /// Subscribes, unless that has been done, and waits for the broker's answer.
    pub(super) async fn subscribed(&self) -> Result<(), ApplicationError> {
        self.register();
        tokio::select! {
            subscribed = self.connection.subscribed(&self.filter) => subscribed,
            () = self.closed.cancelled() => Ok(()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}
