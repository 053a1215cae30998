use std::{path::Path, sync::Arc};

use pip_services_commons::{
    config::ConfigParams,
    refer::{Descriptor, ReferencesExt},
};
use pip_services_components::{build::Factory, count::LogCounters};
use pip_services_container::{Container, ContainerConfig};
use pip_services_messaging::{DefaultMessagingFactory, IMessageQueue};
use pip_services_mqtt::DefaultMqttFactory;
use serde_json::Value;

use crate::support::Recorder;

/// A container that can make queues of all kinds, and `test:logger:recorder:*:1.0`, whose lines are kept.
pub(crate) struct Service {
    pub(crate) container: Container,
    pub(crate) log: Recorder,
}

impl Service {
    fn new() -> Self {
        let (container, log) = (Container::new("service"), Recorder::default());
        container.add_factory(Arc::new(DefaultMessagingFactory::new()));
        container.add_factory(Arc::new(DefaultMqttFactory::new()));
        let mut own = Factory::new();
        let recorder = log.clone();
        own.register(Descriptor::new("test", "logger", "recorder", "*", "1.0"), move |_| {
            Ok(Arc::new(recorder.clone()))
        });
        container.add_factory(Arc::new(own));
        Self { container, log }
    }

    /// A service that is not open, with these components after the logger that keeps its lines.
    pub(crate) fn of(components: &[Value]) -> Self {
        let logger = serde_json::json!({"descriptor": "test:logger:recorder:default:1.0"});
        let components = [&[logger], components].concat();
        let service = Self::new();
        service.container.configure(ContainerConfig::from_value(&components.into()).unwrap());
        service
    }

    /// A service that is not open, from a file of these tests.
    pub(crate) fn from_file(name: &str, parameters: &ConfigParams) -> Self {
        let service = Self::new();
        service.container.read_config_from_file(None, path(name), parameters).unwrap();
        service
    }

    pub(crate) async fn open(&self) {
        self.container.open(Some("start")).await.unwrap();
    }

    pub(crate) async fn close(&self) {
        self.container.close(Some("stop")).await.unwrap();
    }

    /// The queue of that name.
    pub(crate) fn queue(&self, name: &str) -> Arc<dyn IMessageQueue> {
        let locator = Descriptor::new("*", "message-queue", "*", name, "*");
        self.container.references().get_one_required(&locator).unwrap()
    }

    /// A counter of the queue named so.
    pub(crate) fn count(&self, queue: &str, event: &str) -> i64 {
        let locator = Descriptor::new("*", "counters", "log", "*", "*");
        let counters = self.container.references().get_one_required::<LogCounters>(&locator).unwrap();
        counters.get(&format!("queue.{queue}.{event}")).and_then(|counter| counter.count).unwrap_or_default()
    }
}

/// A file of these tests.
pub(crate) fn path(name: &str) -> impl AsRef<Path> {
    [env!("CARGO_MANIFEST_DIR"), "scenarios", name].iter().collect::<std::path::PathBuf>()
}
