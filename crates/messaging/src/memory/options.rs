use std::time::Duration;

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

use super::storage::Limits;
use crate::queue::{bad_value, count};

/// The options of a memory queue, read once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// How long a received message stays hidden.
    pub(super) lock_timeout: Duration,
    pub(super) limits: Limits,
    /// Where there is no room, a send waits instead of failing.
    pub(super) wait_when_full: bool,
    /// How long it waits; `None` is for ever.
    pub(super) send_timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(30),
            limits: Limits { max_messages: None, max_deliveries: None, max_dead_letters: 1000 },
            wait_when_full: false,
            send_timeout: None,
        }
    }
}

impl Options {
    /// These options with those of the parameters. What they do not name stays.
    pub(super) fn override_with(mut self, config: &ConfigParams) -> Result<Self, ApplicationError> {
        if let Some(lock_timeout) = config.try_get_as_duration_ms("options.lock_timeout")? {
            if lock_timeout.is_zero() {
                // A message would come back at once, for ever.
                return Err(bad_value("options.lock_timeout", "0", "1 or more"));
            }
            self.lock_timeout = lock_timeout;
        }
        if let Some(max) = count(config, "options.max_messages", "0 (no limit) or more")? {
            self.limits.max_messages = (max > 0).then_some(max);
        }
        if let Some(max) = count(config, "options.max_deliveries", "0 (no limit) or more")? {
            self.limits.max_deliveries = (max > 0).then_some(max);
        }
        if let Some(max) = count(config, "options.max_dead_letters", "0 (none is kept) or more")? {
            self.limits.max_dead_letters = max;
        }
        if let Some(when_full) = config.get_as_nullable_string("options.when_full") {
            self.wait_when_full = match when_full.as_str() {
                "fail" => false,
                "wait" => true,
                other => return Err(bad_value("options.when_full", other, "'fail' or 'wait'")),
            };
        }
        if let Some(timeout) = config.try_get_as_duration_ms("options.send_timeout")? {
            self.send_timeout = (!timeout.is_zero()).then_some(timeout);
        }
        Ok(self)
    }
}
