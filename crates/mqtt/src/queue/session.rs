use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use pip_services_commons::errors::ApplicationError;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::arrivals::Arrivals;
use crate::{MqttConnection, options::QueueOptions, router::MqttMessageListener};

/// What lasts from an `open` to the next `close`.
pub(super) struct Session {
    pub(super) options: QueueOptions,
    pub(super) filter: String,
    pub(super) connection: Arc<MqttConnection>,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) closed: CancellationToken,
    subscribed: AtomicBool,
    subscribing: Mutex<()>,
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
            subscribed: AtomicBool::new(false),
            subscribing: Mutex::default(),
        }
    }

    /// As whom the queue subscribes.
    pub(super) fn listener(&self) -> Arc<dyn MqttMessageListener> {
        self.arrivals.clone()
    }

    /// Subscribes, unless that has been done.
    async fn subscribe(self: Arc<Self>) -> Result<(), ApplicationError> {
        let _turn = self.subscribing.lock().await;
        if !self.subscribed.load(Ordering::Acquire) {
            tokio::select! {
                subscribed = self.connection.subscribe(&self.filter, self.options.qos, self.listener()) => subscribed?,
                // A close does not wait for a broker that does not answer.
                () = self.closed.cancelled() => {
                    self.connection.forget(&self.filter, &self.listener());
                    return Ok(());
                }
            }
            self.subscribed.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Subscribes before the first delivery. Dropping the future does not stop the subscribing.
    pub(super) async fn subscribed(self: &Arc<Self>) -> Result<(), ApplicationError> {
        if self.subscribed.load(Ordering::Acquire) {
            return Ok(());
        }
        let subscribing = tokio::spawn(self.clone().subscribe());
        tokio::select! {
            outcome = subscribing => outcome.unwrap_or_else(|error| {
                let message = format!("subscribing to topic '{}' was stopped", self.filter);
                Err(ApplicationError::connection(None, "SUBSCRIBE_FAILED", message).with_cause(error))
            }),
            () = self.closed.cancelled() => Ok(()),
        }
    }

    /// Wakes who waits, and unsubscribes.
    pub(super) async fn close(&self) {
        self.closed.cancel();
        let _turn = self.subscribing.lock().await;
        if self.subscribed.swap(false, Ordering::AcqRel) {
            self.connection.unsubscribe(&self.filter, &self.listener()).await;
        }
    }
}
