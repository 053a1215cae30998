use std::sync::Arc;

use pip_services_commons::refer::{DependencyResolver, Descriptor};

use crate::{MqttConnection, options::QueueOptions};

/// What `configure` and `set_references` leave for `open`.
pub(super) struct Setup {
    pub(super) options: QueueOptions,
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
            options: QueueOptions::default(),
            dependencies,
            needs_shared: false,
            has_own: false,
            shared: None,
        }
    }
}
