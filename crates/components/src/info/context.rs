use std::{
    env, fs,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use chrono::{DateTime, Utc};
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    data::IdGenerator,
    errors::ApplicationError,
};

/// What a process tells of itself; ports `ContextInfo`.
///
/// Loggers take their source from its name.
///
/// Configuration: `name` (`unknown`), `description`, and any `properties.*`; `info.name` and
/// `info.description` win over `name` and `description`. Blank ones count as absent.
///
/// ```
/// use pip_services_commons::config::ConfigParams;
/// use pip_services_components::info::ContextInfo;
///
/// let config = ConfigParams::from_tuples([("name", "orders"), ("properties.region", "eu")]);
/// let context = ContextInfo::from_config(&config);
/// assert_eq!(context.name(), "orders");
/// assert_eq!(context.properties().get("region"), Some("eu"));
/// assert!(!context.context_id().is_empty());
/// ```
pub struct ContextInfo {
    context_id: String,
    start_time: DateTime<Utc>,
    start: Instant,
    described: Mutex<Described>,
}
component!(ContextInfo: dyn IConfigurable);

struct Described {
    name: String,
    description: Option<String>,
    properties: ConfigParams,
}

impl ContextInfo {
    /// A context without a name that starts now.
    pub fn new() -> Self {
        let file = fs::read_to_string("/etc/hostname").ok();
        Self {
            context_id: context_id([env::var("HOSTNAME").ok(), file]),
            start_time: Utc::now(),
            start: Instant::now(),
            described: Mutex::new(Described {
                name: "unknown".into(),
                description: None,
                properties: ConfigParams::new(),
            }),
        }
    }

    /// A configured context that starts now.
    pub fn from_config(config: &ConfigParams) -> Self {
        let context = Self::new();
        context.described().configure(config);
        context
    }

    /// The name of the process or container, `unknown` if none is configured.
    pub fn name(&self) -> String {
        self.described().name.clone()
    }

    /// What the process is, for a person.
    pub fn description(&self) -> Option<String> {
        self.described().description.clone()
    }

    /// Where the process runs: the name of the host by the environment variable `HOSTNAME` or the file
    /// `/etc/hostname`, or else a random id, which stays the same as long as the context lives.
    pub fn context_id(&self) -> &str {
        &self.context_id
    }

    /// When the context was made.
    pub fn start_time(&self) -> DateTime<Utc> {
        self.start_time
    }

    /// Milliseconds since the context was made, on a clock that no change of the system time disturbs.
    pub fn uptime(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What was configured under `properties`, without that prefix.
    pub fn properties(&self) -> ConfigParams {
        self.described().properties.clone()
    }

    fn described(&self) -> MutexGuard<'_, Described> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ContextInfo {
    fn default() -> Self {
        Self::new()
    }
}

impl IConfigurable for ContextInfo {
    /// Takes name, description and properties. Absent names and descriptions stay as they are; properties
    /// are replaced as a whole. It does not fail.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.described().configure(config);
        Ok(())
    }
}

impl Described {
    fn configure(&mut self, config: &ConfigParams) {
        let text = |key: &str| {
            config
                .get_as_nullable_string(&format!("info.{key}"))
                .or_else(|| config.get_as_nullable_string(key))
        };
        if let Some(name) = text("name") {
            self.name = name;
        }
        if let Some(description) = text("description") {
            self.description = Some(description);
        }
        self.properties = config.get_section("properties");
    }
}

/// The first name of the host that is not blank, or a random id.
fn context_id(names: [Option<String>; 2]) -> String {
    names
        .into_iter()
        .flatten()
        .map(|name| name.trim().to_owned())
        .find(|name| !name.is_empty())
        .unwrap_or_else(IdGenerator::next_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_first_host_name_that_is_not_blank_or_random() {
        let name = |text: &str| Some(text.to_owned());
        assert_eq!(context_id([name("env"), name("file")]), "env");
        assert_eq!(context_id([name(" "), name("file\n")]), "file");
        assert_ne!(context_id([None, name("\n")]), context_id([None, None]));
    }
}
