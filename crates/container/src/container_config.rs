use pip_services_commons::{
    config::{ConfigParams, redacted},
    errors::ApplicationError,
};
use serde_json::Value;

use crate::ComponentConfig;

/// The components of a container, in the order in which they are made and opened; ports `ContainerConfig`.
///
/// ```
/// use pip_services_container::ContainerConfig;
/// use serde_json::json;
///
/// let config = ContainerConfig::from_value(&json!([
///     {"descriptor": "pip-services:logger:console:default:1.0", "level": "debug"},
///     {"descriptor": "pip-services:counters:log:default:1.0", "options": {"interval": 10000}}
/// ]))?;
/// assert_eq!(config.components()[1].config().get("options.interval"), Some("10000"));
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerConfig {
    components: Vec<ComponentConfig>,
}

impl ContainerConfig {
    /// A configuration without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// The configuration of a parsed file: a list of objects, one for each component.
    ///
    /// # Errors
    /// `BAD_CONFIG` (Misconfiguration) where it is something else, otherwise those of
    /// [`ComponentConfig::from_config`]. They tell the entry at fault, counted from one, in the detail `entry`
    /// too.
    pub fn from_value(value: &Value) -> Result<Self, ApplicationError> {
        let Value::Array(entries) = value else {
            let message = format!("the configuration is {}; it must be a list of components", kind(value));
            return Err(ApplicationError::config(None, "BAD_CONFIG", message));
        };
        let components = entries
            .iter()
            .zip(1..)
            .map(|(entry, number)| component(entry).map_err(|error| of_entry(number, entry, error)))
            .collect::<Result<_, _>>()?;
        Ok(Self { components })
    }

    /// The components, in order.
    pub fn components(&self) -> &[ComponentConfig] {
        &self.components
    }
}

impl FromIterator<ComponentConfig> for ContainerConfig {
    fn from_iter<I: IntoIterator<Item = ComponentConfig>>(components: I) -> Self {
        Self { components: components.into_iter().collect() }
    }
}

fn component(entry: &Value) -> Result<ComponentConfig, ApplicationError> {
    if !entry.is_object() {
        let message = format!("it is {}; it must be an object with a descriptor", kind(entry));
        return Err(ApplicationError::config(None, "BAD_CONFIG", message));
    }
    ComponentConfig::from_config(ConfigParams::from_value(entry))
}

/// The error with the place of the entry at fault.
fn of_entry(number: usize, entry: &Value, error: ApplicationError) -> ApplicationError {
    let message = match entry.get("descriptor").and_then(Value::as_str) {
        // Perhaps a URI that was put into the wrong place.
        Some(descriptor) => format!("entry {number} ({}): {error}", redacted("uri", descriptor)),
        None => format!("entry {number}: {error}"),
    };
    error.with_message(message).with_details("entry", number)
}

/// What a value is, without showing it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn more_than_ten_entries_keep_their_order() {
        let entries: Vec<_> =
            (0..12).map(|number| json!({"descriptor": format!("g:t:k:{number}:1.0")})).collect();
        let config = ContainerConfig::from_value(&entries.into()).unwrap();
        let names: Vec<_> = config
            .components()
            .iter()
            .filter_map(|component| component.descriptor().name()?.parse::<u32>().ok())
            .collect();
        assert_eq!(names, (0..12).collect::<Vec<_>>());
    }

    #[test]
    fn an_entry_keeps_its_nested_parameters_and_its_descriptor() {
        let value = json!([{"descriptor": "g:t:k:n:1.0", "connections": [{"host": "a"}]}]);
        let config = ContainerConfig::from_value(&value).unwrap();
        let expected = "descriptor=g:t:k:n:1.0;connections.0.host=a";
        assert_eq!(config.components()[0].config().to_string(), expected);
    }

    #[test]
    fn an_error_tells_the_entry_and_its_descriptor() {
        let good = json!({"descriptor": "g:t:k:n:1.0"});
        let cases = [
            (json!({"descriptor": "a:b"}), "BAD_DESCRIPTOR", "entry 2 (a:b): "),
            (json!({"level": "info"}), "BAD_CONFIG", "entry 2: descriptor is missing"),
            (
                json!({"descriptor": "mqtt://me:hunter2@h"}),
                "BAD_DESCRIPTOR",
                "entry 2 (mqtt://***@h): 'mqtt://***@h' ",
            ),
            (json!("a:b:c:d:1.0"), "BAD_CONFIG", "entry 2: it is a text; "),
            (json!(null), "BAD_CONFIG", "entry 2: it is empty; "),
        ];
        for (entry, code, message) in cases {
            let error = ContainerConfig::from_value(&json!([good, entry])).unwrap_err();
            assert_eq!((error.code(), error.detail("entry")), (code, Some("2")));
            assert!(error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused_and_an_empty_list_is_not() {
        for value in [json!(null), json!({"a": 1}), json!("text")] {
            let error = ContainerConfig::from_value(&value).unwrap_err();
            assert_eq!(error.code(), "BAD_CONFIG");
            assert!(error.message().ends_with("it must be a list of components"), "{error}");
        }
        assert!(ContainerConfig::from_value(&json!([])).unwrap().components().is_empty());
    }
}
