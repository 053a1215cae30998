use std::sync::Arc;

use pip_services_commons::{
    config::ConfigParams,
    errors::ApplicationError,
    refer::{DependencyResolver, Descriptor},
};

use crate::{
    MqttConnection,
    options::{self, QueueOptions},
};

/// What `configure` and `set_references` leave for `open`.
pub(super) struct Setup {
    /// All parameters so far.
    pub(super) config: ConfigParams,
    pub(super) options: QueueOptions,
    /// What is to be said about the parameters in any case, once there are loggers.
    warnings: Vec<String>,
    pub(super) dependencies: DependencyResolver,
    /// The configuration names the shared connection.
    pub(super) needs_shared: bool,
    /// The configuration has connection parameters of the queue's own.
    pub(super) has_own: bool,
    pub(super) shared: Option<Arc<MqttConnection>>,
}

impl Default for Setup {
    fn default() -> Self {
        let mut dependencies = DependencyResolver::new();
        dependencies.put("connection", Descriptor::new("*", "connection", "mqtt", "*", "1.0"));
        Self {
            config: ConfigParams::new(),
            options: QueueOptions::default(),
            warnings: Vec::new(),
            dependencies,
            needs_shared: false,
            has_own: false,
            shared: None,
        }
    }
}

impl Setup {
    /// The setup by all parameters so far, without a shared connection.
    pub(super) fn from_config(config: ConfigParams) -> Result<Self, ApplicationError> {
        let mut setup = Self { options: QueueOptions::from_config(&config)?, ..Self::default() };
        setup.dependencies.configure(&config)?;
        setup.needs_shared = config.get_as_nullable_string("dependencies.connection").is_some();
        setup.has_own =
            ["connection", "connections"].iter().any(|section| !config.get_section(section).is_empty());
        setup.warnings = options::of_queue(&config);
        setup.config = config;
        Ok(setup)
    }

    /// What is to be said about the parameters at an `open`.
    pub(super) fn warnings(&self) -> Vec<String> {
        let on_shared = self.shared.as_ref().and_then(|_| options::of_queue_on_shared(&self.config));
        self.warnings.iter().cloned().chain(on_shared).collect()
    }
}
