//! The way back to a broker.

use std::time::Duration;

use pip_services_commons::errors::ApplicationError;
use tokio::time::{Instant, sleep};

use super::core::Core;

impl Core {
    /// After that delay, connects to the first broker that accepts and grants again what is wanted. Gives its number.
    pub(super) async fn reconnect(&self, delay: Duration) -> Result<usize, ApplicationError> {
        // Many clients lose a broker at once; they should not all come back at once.
        sleep(delay.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
        let mut first = 0;
        loop {
            let deadline = Instant::now() + self.options.connect_timeout;
            let (index, endpoint) = self.connect(first, deadline).await?;
            match self.synchronize_or_leave(endpoint).await {
                Ok(()) => return Ok(index),
                Err(error) if index + 1 == self.target.endpoints.len() => return Err(error),
                Err(_) => first = index + 1,
            }
        }
    }
}
