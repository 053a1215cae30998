use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{ConfigParams, redacted};
use crate::{convert, errors::ApplicationError};

/// Typed values.
///
/// ```
/// use std::time::Duration;
/// use pip_services_commons::config::ConfigParams;
///
/// let config = ConfigParams::from_tuples([("retries", "3"), ("timeout", "1500"), ("size", "large")]);
/// assert_eq!(config.get_as_integer("retries"), 3);
/// assert_eq!(config.get_as_duration_ms("timeout"), Duration::from_millis(1500));
/// assert_eq!(config.get_as_nullable_boolean("verbose"), None);
///
/// // What is malformed reads as absent, or tells what is wrong.
/// assert_eq!(config.get_as_integer_with_default("size", 10), 10);
/// let error = config.try_get_as_integer("size").err().map(|error| error.to_string());
/// assert_eq!(error.as_deref(), Some("size is 'large'; it must be a whole number of 32 bits"));
/// ```
impl ConfigParams {
    /// The text under a key, `None` where it is absent or empty: a template often leaves a blank.
    pub fn get_as_nullable_string(&self, key: &str) -> Option<String> {
        self.get(key).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The text under a key, or an empty one.
    pub fn get_as_string(&self, key: &str) -> String {
        self.get_as_nullable_string(key).unwrap_or_default()
    }

    /// The text under a key, or the given one where it is absent or empty.
    pub fn get_as_string_with_default(&self, key: &str, default: &str) -> String {
        self.get_as_nullable_string(key).unwrap_or_else(|| default.to_owned())
    }

    fn convert<T>(&self, key: &str, convert: fn(&str) -> Option<T>) -> Option<T> {
        self.get(key).and_then(convert)
    }

    fn try_convert<T>(
        &self,
        key: &str,
        convert: fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<Option<T>, ApplicationError> {
        let Some(text) = self.get(key).filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        convert(text).map(Some).ok_or_else(|| {
            let shown = redacted(key, text);
            ApplicationError::config(None, "BAD_VALUE", format!("{key} is '{shown}'; it must be {allowed}"))
                .with_details("key", key)
        })
    }
}

/// The text unless it is a number with a fraction.
fn whole(text: &str) -> Option<&str> {
    convert::to_double(text).is_none_or(|number| number.fract() == 0.0).then_some(text)
}

macro_rules! getters {
    ($($ty:ty, $convert:ident, $try_convert:expr, $what:literal, $nullable:ident, $get:ident, $with_default:ident, $try_get:ident, $zero:expr;)+) => {
        impl ConfigParams {$(
            #[doc = concat!("The ", $what, " under a key, or `None` where it is absent or malformed.")]
            pub fn $nullable(&self, key: &str) -> Option<$ty> {
                self.convert(key, convert::$convert)
            }

            #[doc = concat!("The ", $what, " under a key, or `", stringify!($zero), "` where it is absent or malformed.")]
            pub fn $get(&self, key: &str) -> $ty {
                self.$with_default(key, $zero)
            }

            #[doc = concat!("The ", $what, " under a key, or the given one where it is absent or malformed.")]
            pub fn $with_default(&self, key: &str, default: $ty) -> $ty {
                self.$nullable(key).unwrap_or(default)
            }

            #[doc = concat!("The ", $what, " under a key, or `None` where it is absent or blank.")]
            ///
            /// # Errors
            /// `BAD_VALUE` (Misconfiguration) where it is malformed, with key, value and what is allowed.
            pub fn $try_get(&self, key: &str) -> Result<Option<$ty>, ApplicationError> {
                self.try_convert(key, $try_convert, concat!("a ", $what))
            }
        )+}
    };
}

getters! {
    bool, to_boolean, convert::to_boolean, "boolean (true or false)",
        get_as_nullable_boolean, get_as_boolean, get_as_boolean_with_default, try_get_as_boolean, false;
    i32, to_integer, |text| convert::to_integer(whole(text)?), "whole number of 32 bits",
        get_as_nullable_integer, get_as_integer, get_as_integer_with_default, try_get_as_integer, 0;
    i64, to_long, |text| convert::to_long(whole(text)?), "whole number of 64 bits",
        get_as_nullable_long, get_as_long, get_as_long_with_default, try_get_as_long, 0;
    f32, to_float, convert::to_float, "number",
        get_as_nullable_float, get_as_float, get_as_float_with_default, try_get_as_float, 0.0;
    f64, to_double, convert::to_double, "number",
        get_as_nullable_double, get_as_double, get_as_double_with_default, try_get_as_double, 0.0;
    Duration, to_duration, |text| convert::to_duration(whole(text)?), "whole number of milliseconds, 0 or more",
        get_as_nullable_duration_ms, get_as_duration_ms, get_as_duration_ms_with_default, try_get_as_duration_ms, Duration::ZERO;
    DateTime<Utc>, to_datetime, convert::to_datetime, "time in RFC 3339",
        get_as_nullable_datetime, get_as_datetime, get_as_datetime_with_default, try_get_as_datetime, Utc::now();
}
