use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

use crate::queue::limit::at_least_one;

/// The options that a queue with a cache has, read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CacheOptions {
    /// How many messages may wait in the cache.
    pub(super) max_cache_size: usize,
    /// Whether `open` subscribes.
    pub(super) autosubscribe: bool,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { max_cache_size: 10_000, autosubscribe: false }
    }
}

impl CacheOptions {
    /// These options, with those that the parameters name.
    pub(super) fn with_config(self, config: &ConfigParams) -> Result<Self, ApplicationError> {
        Ok(Self {
            max_cache_size: at_least_one(config, "options.max_cache_size")?.unwrap_or(self.max_cache_size),
            autosubscribe: config.try_get_as_boolean("options.autosubscribe")?.unwrap_or(self.autosubscribe),
        })
    }
}
