use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};

/// What can be put into [`ConfigParams`](super::ConfigParams) as a value; all of it is kept as text.
///
/// Booleans become `true` and `false`, times RFC 3339 in UTC with milliseconds, durations whole milliseconds,
/// `None` an explicit null. The elements of a list are joined by commas, a null among them as an empty text.
///
/// ```
/// use std::time::Duration;
/// use pip_services_commons::config::ConfigParams;
///
/// let mut config = ConfigParams::new();
/// config.put("timeout", Duration::from_secs(2));
/// config.put("levels", ["info", "warn"]);
/// assert_eq!(config.to_string(), "timeout=2000;levels=info,warn");
/// ```
pub trait IntoConfigValue {
    /// The value as text, or `None` for null.
    fn into_config_value(self) -> Option<String>;
}

impl IntoConfigValue for String {
    fn into_config_value(self) -> Option<String> {
        Some(self)
    }
}

impl<T: IntoConfigValue> IntoConfigValue for Option<T> {
    fn into_config_value(self) -> Option<String> {
        self.and_then(T::into_config_value)
    }
}

impl<Z: TimeZone> IntoConfigValue for DateTime<Z> {
    fn into_config_value(self) -> Option<String> {
        Some(self.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl IntoConfigValue for Duration {
    fn into_config_value(self) -> Option<String> {
        Some(self.as_millis().to_string())
    }
}

impl<T: IntoConfigValue> IntoConfigValue for Vec<T> {
    fn into_config_value(self) -> Option<String> {
        let elements: Vec<_> =
            self.into_iter().map(|element| element.into_config_value().unwrap_or_default()).collect();
        Some(elements.join(","))
    }
}

impl<T: IntoConfigValue, const N: usize> IntoConfigValue for [T; N] {
    fn into_config_value(self) -> Option<String> {
        Vec::from(self).into_config_value()
    }
}

macro_rules! by_display {
    ($($ty:ty),+) => {$(
        impl IntoConfigValue for $ty {
            fn into_config_value(self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}

by_display!(&str, &String, bool, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64);
