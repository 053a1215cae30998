use std::time::Duration;

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

/// The options of a memory queue, read once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// How long a received message stays hidden.
    pub(super) lock_timeout: Duration,
    /// How many messages fit; `None` is no limit.
    pub(super) max_messages: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { lock_timeout: Duration::from_secs(30), max_messages: None }
    }
}

impl Options {
    pub(super) fn from_config(config: &ConfigParams) -> Result<Self, ApplicationError> {
        let defaults = Self::default();
        let lock_timeout =
            config.try_get_as_duration_ms("options.lock_timeout")?.unwrap_or(defaults.lock_timeout);
        if lock_timeout.is_zero() {
            // A message would come back at once, for ever.
            let message = "options.lock_timeout is 0; it must be 1 or more";
            return Err(ApplicationError::config(None, "BAD_VALUE", message)
                .with_details("key", "options.lock_timeout"));
        }
        let max_messages = match config.try_get_as_long("options.max_messages")? {
            None => defaults.max_messages,
            Some(0) => None,
            Some(count) => Some(usize::try_from(count).map_err(|_| {
                let message = format!("options.max_messages is {count}; it must be 0 (no limit) or more");
                ApplicationError::config(None, "BAD_VALUE", message)
                    .with_details("key", "options.max_messages")
            })?),
        };
        Ok(Self { lock_timeout, max_messages })
    }
}
