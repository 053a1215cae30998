use std::{borrow::Cow, fmt};

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::{IntoConfigValue, redacted, string_form};

/// Configuration parameters: an ordered map of keys with dots to text; ports `ConfigParams`.
///
/// A section is the part of a key before a dot; there is no tree, only prefixes. A value can be an explicit
/// null, which every getter reads as absent. Keys are case-sensitive and keep the order in which they came.
///
/// Of each type there are four getters: `get_as_nullable_T` gives `None` for what is absent or malformed,
/// `get_as_T` the type's default, `get_as_T_with_default` yours, and `try_get_as_T` (not in the other
/// ports) tells a malformed value from an absent one by an error that names key and value. A fraction where a whole
/// number is asked for is malformed to the latter, and cut off by the others.
///
/// `Debug` and `Display` mask values under keys that hold secrets, and so do errors; see [`redacted`].
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
    /// and `\t` stand for themselves. A quote elsewhere is an ordinary character. A secret with a `;` needs quotes:
    /// what follows the `;` is otherwise a key, which is not masked.
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

    /// All of the given parameters; where keys repeat, the later ones win, unless with a null.
    pub fn merge_configs<'a, C: Into<Option<&'a ConfigParams>>>(
        configs: impl IntoIterator<Item = C>,
    ) -> Self {
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
    ///
    /// A list is a section whose sections are its elements:
    ///
    /// ```
    /// use pip_services_commons::config::ConfigParams;
    ///
    /// let config = ConfigParams::from_value(&serde_json::json!({"connections": [{"host": "a"}, {"host": "b"}]}));
    /// let connections = config.get_section("connections");
    /// let hosts: Vec<String> = connections
    ///     .get_section_names()
    ///     .into_iter()
    ///     .map(|name| connections.get_section(name).get_as_string("host"))
    ///     .collect();
    /// assert_eq!(hosts, ["a", "b"]);
    /// ```
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

    /// The parameters whose keys start with `section` and a dot, without that prefix; none for one that is missing.
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
    ///
    /// ```
    /// use pip_services_commons::config::ConfigParams;
    ///
    /// let config = ConfigParams::from_string("host=localhost;port=1883");
    /// let other = ConfigParams::from_string("port=8883;tls=true");
    /// assert_eq!(config.override_with(&other).to_string(), "host=localhost;port=8883;tls=true");
    /// assert_eq!(config.set_defaults(&other).get("port"), Some("1883"));
    /// assert_eq!(config.override_with(None), config);
    /// ```
    #[must_use]
    #[doc(alias = "override")]
    pub fn override_with<'a>(&self, other: impl Into<Option<&'a ConfigParams>>) -> Self {
        let mut merged = self.clone();
        for (key, value) in other.into().into_iter().flat_map(|other| &other.values) {
            if value.is_some() || merged.get(key).is_none() {
                merged.values.insert(key.clone(), value.clone());
            }
        }
        merged
    }

    /// These parameters, and those of `defaults` for keys that are absent or null here.
    #[must_use]
    pub fn set_defaults<'a>(&self, defaults: impl Into<Option<&'a ConfigParams>>) -> Self {
        Self::merge_configs([defaults.into(), Some(self)])
    }
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
            f.write_str(&shown_key(key))?;
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
            .entries(
                self.iter().map(|(key, value)| (shown_key(key), value.map(|value| redacted(key, value)))),
            )
            .finish()
    }
}

/// A URI without a key of its own, read by [`ConfigParams::from_string`], is a key.
fn shown_key(key: &str) -> Cow<'_, str> {
    redacted("", key)
}
