use std::time::Duration;

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

use super::storage::Limits;

/// The options of a memory queue, read once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// How long a received message stays hidden.
    pub(super) lock_timeout: Duration,
    pub(super) limits: Limits,
    /// What a send does where there is no room.
    pub(super) when_full: WhenFull,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum WhenFull {
    Fail,
    /// It waits for room, but no longer than this.
    Wait(Duration),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(30),
            limits: Limits { max_messages: None, max_deliveries: None, max_dead_letters: 1000 },
            when_full: WhenFull::Fail,
        }
    }
}

impl Options {
    pub(super) fn from_config(config: &ConfigParams) -> Result<Self, ApplicationError> {
        let defaults = Self::default();
        let lock_timeout =
            config.try_get_as_duration_ms("options.lock_timeout")?.unwrap_or(defaults.lock_timeout);
        if lock_timeout.is_zero() {
            // A message would come back at once, for ever.
            return Err(bad("options.lock_timeout", "0", "1 or more"));
        }
        let max_messages = count(config, "options.max_messages", "0 (no limit) or more")?;
        let max_deliveries = count(config, "options.max_deliveries", "0 (no limit) or more")?;
        let max_dead_letters = count(config, "options.max_dead_letters", "0 (none is kept) or more")?;
        let send_timeout = config.try_get_as_duration_ms("options.send_timeout")?;
        let when_full = match config.get_as_nullable_string("options.when_full").as_deref() {
            None => defaults.when_full,
            Some("fail") => WhenFull::Fail,
            Some("wait") => {
                WhenFull::Wait(send_timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(Duration::MAX))
            }
            Some(other) => return Err(bad("options.when_full", other, "'fail' or 'wait'")),
        };
        let limits = Limits {
            max_messages: max_messages.filter(|&max| max > 0),
            max_deliveries: max_deliveries.filter(|&max| max > 0).map(|max| max as u64),
            max_dead_letters: max_dead_letters.unwrap_or(defaults.limits.max_dead_letters),
        };
        Ok(Self { lock_timeout, limits, when_full })
    }
}

fn count(config: &ConfigParams, key: &str, allowed: &str) -> Result<Option<usize>, ApplicationError> {
    let Some(count) = config.try_get_as_long(key)? else { return Ok(None) };
    usize::try_from(count).map(Some).map_err(|_| bad(key, &count.to_string(), allowed))
}

fn bad(key: &str, value: &str, allowed: &str) -> ApplicationError {
    let message = format!("{key} is '{value}'; it must be {allowed}");
    ApplicationError::config(None, "BAD_VALUE", message).with_details("key", key)
}
