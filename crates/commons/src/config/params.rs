use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::{IntoConfigValue, redacted, string_form};
use crate::{convert, errors::ApplicationError};

/// Configuration parameters: an ordered map of keys with dots to text; ports `ConfigParams`.
///
/// A section is the part of a key before a dot; there is no tree, only prefixes. A value can be an explicit
/// null, which every getter reads as absent. Keys are case-sensitive and keep the order in which they came.
///
/// Of each type there are four getters: `get_as_nullable_T` gives `None` for what is absent or malformed,
/// `get_as_T` the type's default, `get_as_T_with_default` yours, and `try_get_as_T` (not in the other
/// ports) tells a malformed value from an absent one by an error that names key and value.
///
/// `Debug` and `Display` mask values under keys that hold secrets.
///
/// ```
/// use pip_services_commons::config::ConfigParams;
///
/// let config = ConfigParams::from_tuples([("name", "orders"), ("credential.password", "hunter2")]);
/// assert_eq!(config.to_string(), "name=orders;credential.password=***");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[doc(alias = "StringValueMap")]
pub struct ConfigParams {
    values: IndexMap<String, Option<String>>,
}

impl ConfigParams {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parameters from pairs of key and value. A repeated key keeps its place and takes the last value.
    pub fn from_tuples<K: Into<String>, V: IntoConfigValue>(
        tuples: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        tuples.into_iter().collect()
    }

    /// Parameters from a JSON value: nested objects and lists become keys with dots, list elements by index.
    ///
    /// An empty object or list leaves nothing, as there is no text that could stand for it.
    ///
    /// ```
    /// use pip_services_commons::config::ConfigParams;
    ///
    /// let config = ConfigParams::from_value(&serde_json::json!({"a": {"b": 1}, "c": [true, null]}));
    /// assert_eq!(config.to_string(), "a.b=1;c.0=true;c.1");
    /// ```
    pub fn from_value(value: &Value) -> Self {
        let mut config = Self::new();
        config.flatten("", value);
        config
    }

    fn flatten(&mut self, key: &str, value: &Value) {
        let child = |name: &str| {
            if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
        };
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| self.flatten(&child(name), value))
            }
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, value)| self.flatten(&child(&index.to_string()), value));
            }
            Value::Null => self.put(key, None::<&str>),
            Value::String(text) => self.put(key, text),
            Value::Bool(_) | Value::Number(_) => self.put(key, value.to_string()),
        }
    }

    /// Parameters from the form `key1=value1;key2=value2`. Keys and values are trimmed, the first `=` of an
    /// item separates the two, and an item without `=` is a null.
    ///
    /// A key or value in double quotes, which other ports do not know, can hold anything: `\"`, `\\`, `\n`, `\r`
    /// and `\t` stand for themselves. A quote elsewhere is an ordinary character.
    ///
    /// ```
    /// use pip_services_commons::config::ConfigParams;
    ///
    /// let config = ConfigParams::from_string(r#"name=orders; credential.password="a;b=c""#);
    /// assert_eq!(config.get("credential.password"), Some("a;b=c"));
    /// assert_eq!(ConfigParams::from_string(&config.to_config_string()), config);
    /// ```
    pub fn from_string(line: &str) -> Self {
        string_form::parse(line).into_iter().collect()
    }

    /// The form that [`from_string`](Self::from_string) reads back to the same parameters.
    ///
    /// It shows secrets; `Display` gives a form for people, without them.
    pub fn to_config_string(&self) -> String {
        let mut line = String::new();
        self.iter().for_each(|(key, value)| string_form::write(&mut line, key, value));
        line
    }

    /// All of the given parameters; where keys repeat, the later ones win.
    pub fn merge_configs<'a>(configs: impl IntoIterator<Item = &'a ConfigParams>) -> Self {
        configs.into_iter().fold(Self::new(), |merged, config| merged.override_with(config))
    }

    /// Sets one parameter.
    pub fn put(&mut self, key: impl Into<String>, value: impl IntoConfigValue) {
        self.values.insert(key.into(), value.into_config_value());
    }

    /// Removes one parameter and gives its value.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.values.shift_remove(key).flatten()
    }

    /// The raw text under a key; `None` for an absent key and for a null.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.as_deref()
    }

    /// Whether the key is there, be it with a null.
    pub fn contains_key(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Keys and raw values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// How many parameters there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The distinct first segments of all keys, in order. A key without a dot counts as a section of its own.
    pub fn get_section_names(&self) -> Vec<&str> {
        let names: IndexSet<&str> = self
            .keys()
            .map(|key| match key.find('.') {
                Some(dot) if dot > 0 => &key[..dot],
                _ => key,
            })
            .collect();
        names.into_iter().collect()
    }

    /// The parameters whose keys start with `section` and a dot, without that prefix.
    pub fn get_section(&self, section: &str) -> Self {
        self.values
            .iter()
            .filter_map(|(key, value)| {
                let rest = key.strip_prefix(section)?.strip_prefix('.')?;
                Some((rest.to_owned(), value.clone()))
            })
            .collect()
    }

    /// Puts parameters under a section; an empty section puts them at the top.
    pub fn add_section(&mut self, section: &str, params: &ConfigParams) {
        for (key, value) in params.iter() {
            let key = match (section, key) {
                ("", key) => key.to_owned(),
                (section, "") => section.to_owned(),
                (section, key) => format!("{section}.{key}"),
            };
            self.put(key, value);
        }
    }

    /// These parameters with those of `other` over them; ports `override`. A null of `other` overrides nothing.
    #[must_use]
    #[doc(alias = "override")]
    pub fn override_with(&self, other: &ConfigParams) -> Self {
        let mut merged = self.clone();
        for (key, value) in &other.values {
            if value.is_some() || merged.get(key).is_none() {
                merged.values.insert(key.clone(), value.clone());
            }
        }
        merged
    }

    /// These parameters, and those of `defaults` for keys that are absent or null here.
    #[must_use]
    pub fn set_defaults(&self, defaults: &ConfigParams) -> Self {
        defaults.override_with(self)
    }

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

macro_rules! getters {
    ($($ty:ty, $convert:ident, $what:literal, $nullable:ident, $get:ident, $with_default:ident, $try_get:ident, $zero:expr;)+) => {
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
                self.try_convert(key, convert::$convert, concat!("a ", $what))
            }
        )+}
    };
}

getters! {
    bool, to_boolean, "boolean (true or false)",
        get_as_nullable_boolean, get_as_boolean, get_as_boolean_with_default, try_get_as_boolean, false;
    i32, to_integer, "whole number of 32 bits",
        get_as_nullable_integer, get_as_integer, get_as_integer_with_default, try_get_as_integer, 0;
    i64, to_long, "whole number of 64 bits",
        get_as_nullable_long, get_as_long, get_as_long_with_default, try_get_as_long, 0;
    f32, to_float, "number",
        get_as_nullable_float, get_as_float, get_as_float_with_default, try_get_as_float, 0.0;
    f64, to_double, "number",
        get_as_nullable_double, get_as_double, get_as_double_with_default, try_get_as_double, 0.0;
    Duration, to_duration, "number of milliseconds, 0 or more",
        get_as_nullable_duration_ms, get_as_duration_ms, get_as_duration_ms_with_default, try_get_as_duration_ms, Duration::ZERO;
    DateTime<Utc>, to_datetime, "time in RFC 3339",
        get_as_nullable_datetime, get_as_datetime, get_as_datetime_with_default, try_get_as_datetime, Utc::now();
}

impl<K: Into<String>, V: IntoConfigValue> FromIterator<(K, V)> for ConfigParams {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tuples: I) -> Self {
        let mut config = Self::new();
        tuples.into_iter().for_each(|(key, value)| config.put(key, value));
        config
    }
}

impl fmt::Display for ConfigParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(";")?;
            }
            f.write_str(key)?;
            if let Some(value) = value {
                write!(f, "={}", redacted(key, value))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ConfigParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(key, value)| (key, value.map(|value| redacted(key, value)))))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sections_are_prefixes_ended_by_a_dot() {
        let config = ConfigParams::from_tuples([("a.b.c", 1), ("ab.c", 2), ("a.d", 3), ("z", 4), (".x", 5)]);
        assert_eq!(config.get_section_names(), ["a", "ab", "z", ".x"]);
        assert_eq!(config.get_section("a"), ConfigParams::from_tuples([("b.c", 1), ("d", 3)]));
        assert_eq!(config.get_section("a.b"), ConfigParams::from_tuples([("c", 1)]));
        assert!(config.get_section("z").is_empty());
        assert!(config.get_section("missing").is_empty());
    }

    #[test]
    fn a_null_never_masks_a_value_in_either_direction() {
        let null = ConfigParams::from_tuples([("a", None::<i32>)]);
        let five = ConfigParams::from_tuples([("a", 5)]);
        assert_eq!(null.set_defaults(&five).get("a"), Some("5"));
        assert_eq!(five.override_with(&null).get("a"), Some("5"));
        assert!(ConfigParams::new().override_with(&null).contains_key("a"));
    }

    #[test]
    fn override_takes_the_other_and_set_defaults_keeps_its_own() {
        let one = ConfigParams::from_tuples([("a", 1), ("b", 1)]);
        let other = ConfigParams::from_tuples([("b", 2), ("c", 2)]);
        assert_eq!(one.override_with(&other), ConfigParams::from_tuples([("a", 1), ("b", 2), ("c", 2)]));
        assert_eq!(one.set_defaults(&other).get("b"), Some("1"));
        assert_eq!(ConfigParams::merge_configs([&one, &other]).get("b"), Some("2"));
    }

    #[test]
    fn nested_values_flatten_to_seven_keys() {
        let config = ConfigParams::from_value(&json!({
            "field1": {"field11": 123, "field12": "ABC"},
            "field2": [123, "ABC", {"field21": 543, "field22": "XYZ"}],
            "field3": true,
            "empty": {}, "none": []
        }));
        let expected = "field1.field11=123;field1.field12=ABC;field2.0=123;field2.1=ABC;field2.2.field21=543;\
                        field2.2.field22=XYZ;field3=true";
        assert_eq!(config.to_string(), expected);
    }

    #[test]
    fn the_string_form_trims_and_splits_at_the_first_equals_sign() {
        let config = ConfigParams::from_string(" a = 1 ;;b; d=1=2 ;=x;e=; ");
        let expected = [("a", Some("1")), ("b", None), ("d", Some("1=2")), ("=x", None), ("e", Some(""))];
        assert_eq!(config.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn quotes_hold_what_the_string_form_could_not() {
        let config = ConfigParams::from_string(
            r#"a="1;2=3" ; "k;=" = " x " ;b="say \"hi\"\n\\";c=x"y;d="open;e="1"2"#,
        );
        let expected = [
            ("a", Some("1;2=3")),
            ("k;=", Some(" x ")),
            ("b", Some("say \"hi\"\n\\")),
            ("c", Some("x\"y")),
            ("d", Some("\"open")),
            ("e", Some("\"1\"2")),
        ];
        assert_eq!(config.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_string_form_reads_back_to_the_same_parameters() {
        let mut config =
            ConfigParams::from_tuples([("plain", "1"), ("a;b", "c=d"), ("x=y", "\"q\""), ("", "\\")]);
        config.put("space", " \n\t ");
        config.put("empty", "");
        config.put("null", None::<&str>);
        config.put("password", "secret;");
        assert_eq!(ConfigParams::from_string(&config.to_config_string()), config);
    }

    #[test]
    fn an_empty_text_reads_as_absent_but_stays_visible_raw() {
        let config = ConfigParams::from_tuples([("a", "")]);
        assert_eq!(config.get("a"), Some(""));
        assert_eq!(config.get_as_nullable_string("a"), None);
        assert_eq!(config.get_as_string_with_default("a", "d"), "d");
        assert_eq!(config.try_get_as_integer("a").unwrap(), None);
    }

    #[test]
    fn a_malformed_value_falls_back_or_is_an_error_that_names_it() {
        let config = ConfigParams::from_tuples([("options.qos", "many")]);
        assert_eq!(config.get_as_integer_with_default("options.qos", 1), 1);
        let error = config.try_get_as_integer("options.qos").unwrap_err();
        assert_eq!(error.code(), "BAD_VALUE");
        assert_eq!(error.message(), "options.qos is 'many'; it must be a whole number of 32 bits");
    }

    #[test]
    fn secrets_show_in_neither_debug_nor_display_nor_errors() {
        let config = ConfigParams::from_tuples([
            ("credential.password", "hunter2"),
            ("uri", "mqtt://me:hunter2@host"),
        ]);
        let shown =
            format!("{config} {config:?} {}", config.try_get_as_integer("credential.password").unwrap_err());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn adding_a_section_prefixes_its_keys() {
        let mut config = ConfigParams::new();
        config.add_section("s", &ConfigParams::from_tuples([("a", 1), ("", 2)]));
        config.add_section("", &ConfigParams::from_tuples([("top", 3)]));
        assert_eq!(config, ConfigParams::from_tuples([("s.a", 1), ("s", 2), ("top", 3)]));
    }
}
