use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

/// A parameter that counts something.
///
/// # Errors
/// `BAD_VALUE` (Misconfiguration) with the key, the value and what is allowed, where it is no whole number of 0 or more.
pub(crate) fn count(
    config: &ConfigParams,
    key: &str,
    allowed: &str,
) -> Result<Option<usize>, ApplicationError> {
    let Some(count) = config.try_get_as_long(key)? else { return Ok(None) };
    usize::try_from(count).map(Some).map_err(|_| bad_value(key, &count.to_string(), allowed))
}

/// A parameter that counts something of which there must be at least one.
///
/// # Errors
/// As [`count`], and for 0.
pub(super) fn at_least_one(config: &ConfigParams, key: &str) -> Result<Option<usize>, ApplicationError> {
    let allowed = "1 or more";
    match count(config, key, allowed)? {
        Some(0) => Err(bad_value(key, "0", allowed)),
        count => Ok(count),
    }
}

/// The error of a parameter's value.
pub(crate) fn bad_value(key: &str, value: &str, allowed: &str) -> ApplicationError {
    let message = format!("{key} is '{value}'; it must be {allowed}");
    ApplicationError::config(None, "BAD_VALUE", message).with_details("key", key)
}
