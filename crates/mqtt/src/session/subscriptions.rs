//! What the broker is asked for.

use std::sync::PoisonError;

use pip_services_components::log::ILogger;

use super::{core::Core, shortfalls::Shortfall};
use crate::{client::ClientError, options::QoS, router::Request};

impl Core {
    /// Asks the broker for what is wanted and not granted, until nothing is left to ask.
    pub(super) async fn synchronize(&self) {
        while let Some(request) = self.router.next_request() {
            self.ask(request).await;
        }
    }

    /// Asks the broker, and waits for its answer. Without an end where the connection is lost: the event of that follows, and
    /// drops this future.
    pub(super) async fn ask(&self, request: Request) {
        let lost = match request {
            Request::Subscribe(filter, qos) => {
                self.router.set_subscribing(&filter);
                let granted = self.client.subscribe(&filter, qos).await;
                let lost = matches!(granted, Err(ClientError::Disconnected));
                if !lost {
                    self.tell_shortfall(&filter, qos, &granted);
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
