//! What the broker is asked for.

use std::{sync::PoisonError, time::Duration};

use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::ILogger;
use tokio::time::timeout;

use super::{GOODBYE_TIMEOUT, core::Core, errors::no_answer, shortfalls::Shortfall};
use crate::{client::ClientError, options::QoS, resolver::Endpoint, router::Request};

impl Core {
    /// Asks the broker for what is wanted and not granted, until nothing is left to ask, or it has not answered within the
    /// limit, which each answer has for itself.
    pub(super) async fn synchronize(
        &self,
        endpoint: &Endpoint,
        limit: impl Fn() -> Duration,
    ) -> Result<(), ApplicationError> {
        while let Some(request) = self.router.next_request() {
            let limit = limit();
            let answered = timeout(limit, self.ask(&request)).await;
            answered.map_err(|_| no_answer(endpoint, &request, limit))?;
        }
        Ok(())
    }

    /// The same, and leaves a broker that does not answer within `options.connect_timeout`, although it may go on with its signs
    /// of life.
    pub(super) async fn synchronize_or_leave(&self, endpoint: &Endpoint) -> Result<(), ApplicationError> {
        let limit = self.options.connect_timeout;
        let synchronized = self.synchronize(endpoint, || limit).await;
        if synchronized.is_err() {
            let _ = timeout(GOODBYE_TIMEOUT, self.client.disconnect()).await;
        }
        synchronized
    }

    /// Asks the broker, and waits for its answer. Without an end where the connection is lost: the event of that follows, and
    /// drops this future.
    async fn ask(&self, request: &Request) {
        let lost = match request {
            Request::Subscribe(filter, qos) => {
                self.router.set_subscribing(filter);
                let granted = self.client.subscribe(filter, *qos).await;
                let lost = matches!(granted, Err(ClientError::Disconnected));
                if !lost {
                    self.tell_shortfall(filter, *qos, &granted);
                    // What was asked for, as to ask again would give no more.
                    self.router.set_granted(filter, granted.map(|_| *qos));
                }
                lost
            }
            Request::Unsubscribe(filter) => {
                // Before asking: who registers meanwhile must not take the old grant for its own.
                self.router.set_releasing(filter);
                // A refusal leaves the broker sending what finds no listener, which harms nobody.
                matches!(self.client.unsubscribe(filter).await, Err(ClientError::Disconnected))
            }
        };
        if lost {
            std::future::pending().await
        }
    }

    /// Tells of a filter that the broker does not grant as it is wanted, once.
    fn tell_shortfall(&self, filter: &str, wanted: QoS, granted: &Result<QoS, ClientError>) {
        let shortfall = Shortfall::of(granted, wanted);
        let is_news =
            self.shortfalls.lock().unwrap_or_else(PoisonError::into_inner).is_news(filter, shortfall);
        if !is_news {
            return;
        }
        self.tell(|logger| match granted {
            Err(error) => {
                logger.error(None, Some(error), format_args!("Cannot subscribe to topic '{filter}'"));
            }
            Ok(less) => {
                let what = format_args!("The broker grants topic '{filter}' {less:?} instead of {wanted:?}");
                logger.warn(None, what);
            }
        });
    }
}
