//! The way back to a broker.

use std::time::Duration;

use pip_services_commons::errors::ApplicationError;
use tokio::time::{sleep, timeout};

use super::{GOODBYE_TIMEOUT, core::Core, errors::connect_failed};
use crate::resolver::Endpoint;

impl Core {
    /// After that delay, connects to the first broker that accepts and grants again what is wanted. Gives its number.
    pub(super) async fn reconnect(&self, delay: Duration) -> Result<usize, ApplicationError> {
        // Many clients lose a broker at once; they should not all come back at once.
        sleep(delay.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
        let mut first = 0;
        loop {
            let (index, endpoint) = self.connect(first).await?;
            match self.subscribe_again(endpoint).await {
                Ok(()) => return Ok(index),
                Err(error) if index + 1 == self.target.endpoints.len() => return Err(error),
                Err(_) => first = index + 1,
            }
        }
    }

    /// Gives a broker up that does not answer, although it may go on with its signs of life.
    async fn subscribe_again(&self, endpoint: &Endpoint) -> Result<(), ApplicationError> {
        let limit = self.options.connect_timeout;
        // For each answer, so that many filters may take their time.
        while let Some(request) = self.router.next_request() {
            if timeout(limit, self.ask(request)).await.is_err() {
                let _ = timeout(GOODBYE_TIMEOUT, self.client.disconnect()).await;
                let ms = limit.as_millis();
                let message = format!(
                    "{endpoint} does not say what becomes of a subscription within options.connect_timeout ({ms} ms)"
                );
                return Err(connect_failed(message, "options.connect_timeout"));
            }
        }
        Ok(())
    }
}
