use std::time::Duration;

use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::ILogger;

use crate::managed::{Managed, NotClosed};

/// How closing several components went.
#[derive(Default)]
pub(crate) struct Closed {
    /// The first error; the others are in its details as `also.<number>`.
    error: Option<ApplicationError>,
    others: usize,
    /// Whether a component was given up.
    pub(crate) given_up: bool,
}

impl Closed {
    /// Closes those of the components that are open, one after the other, whatever fails. Each failure is logged.
    pub(crate) async fn all(
        components: impl Iterator<Item = &mut Managed>,
        correlation_id: Option<&str>,
        limit: Duration,
        logger: &dyn ILogger,
    ) -> Self {
        let mut closed = Self::default();
        for managed in components {
            if let Err(failure) = managed.close(correlation_id, limit).await {
                let what = format_args!("Cannot close {}", managed.locator);
                logger.error(correlation_id, Some(&failure.error), what);
                closed.add(managed, failure);
            }
        }
        closed
    }

    fn add(&mut self, managed: &Managed, failure: NotClosed) {
        self.given_up |= failure.given_up;
        self.error = Some(match self.error.take() {
            None => failure.error,
            Some(first) => {
                self.others += 1;
                let other = format!("{}: {:#}", managed.locator, failure.error);
                first.with_details(format!("also.{}", self.others), other)
            }
        });
    }

    pub(crate) fn into_result(self) -> Result<(), ApplicationError> {
        self.error.map_or(Ok(()), Err)
    }
}
