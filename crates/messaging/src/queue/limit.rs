use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

/// A parameter that counts something of which there must be at least one.
///
/// # Errors
/// `BAD_VALUE` (Misconfiguration) with the key, the value and what is allowed.
pub(super) fn at_least_one(config: &ConfigParams, key: &str) -> Result<Option<usize>, ApplicationError> {
    let Some(count) = config.try_get_as_long(key)? else { return Ok(None) };
    match usize::try_from(count) {
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => {
            let message = format!("{key} is {count}; it must be 1 or more");
            Err(ApplicationError::config(None, "BAD_VALUE", message).with_details("key", key))
        }
    }
}
