use chrono::{DateTime, SecondsFormat, Utc};

/// What can be put into [`ConfigParams`](super::ConfigParams) as a value; all of it is kept as text.
///
/// Booleans become `true` and `false`, times RFC 3339 in UTC with milliseconds, `None` an explicit null.
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

impl IntoConfigValue for DateTime<Utc> {
    fn into_config_value(self) -> Option<String> {
        Some(self.to_rfc3339_opts(SecondsFormat::Millis, true))
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
