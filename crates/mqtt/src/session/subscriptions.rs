//! What the broker is asked for.

use pip_services_components::log::ILogger;

use super::core::Core;
use crate::{client::ClientError, router::Request};

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
            std::future::pending().await
        }
    }
}
