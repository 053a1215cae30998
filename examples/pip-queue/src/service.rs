use std::sync::Arc;

use pip_services_commons::{
    config::ConfigParams,
    errors::{ApplicationError, ErrorCategory},
    refer::{Descriptor, IReferences, ReferencesExt},
};
use pip_services_components::build::Factory;
use pip_services_container::{ComponentConfig, Container, ContainerConfigReader};
use pip_services_messaging::{DefaultMessagingFactory, IMessageQueue};
use pip_services_mqtt::DefaultMqttFactory;

use crate::{args::QueueArguments, parameters::parameters, stderr_logger::StderrLogger};

/// An open container, and the queue to work on.
pub(crate) struct Service {
    container: Container,
    pub(crate) queue: Arc<dyn IMessageQueue>,
}

impl Service {
    /// Opens the components of the configuration file and finds the queue. One that takes no messages does not ask a broker
    /// for them.
    pub(crate) async fn open(
        arguments: &QueueArguments,
        takes_messages: bool,
    ) -> Result<Self, ApplicationError> {
        let parameters = parameters(&arguments.parameters)?;
        let container = Container::new("pip-queue");
        container.add_factory(Arc::new(DefaultMessagingFactory::new()));
        container.add_factory(Arc::new(DefaultMqttFactory::new()));
        let mut loggers = Factory::new();
        let console = Descriptor::new("pip-services", "logger", "console", "*", "1.0");
        loggers.register(console.clone(), |_| Ok(Arc::new(StderrLogger)));
        container.add_factory(Arc::new(loggers));
        let config = ContainerConfigReader::read_from_file(None, &arguments.config, &parameters)
            .map_err(as_misconfiguration)?;
        // What goes wrong on the way is told, whatever loggers the file lists.
        let listed = config.components().iter().any(|component| component.descriptor().matches(&console));
        let own = ConfigParams::from_tuples([("descriptor", "pip-services:logger:console:pip-queue:1.0")]);
        let own = if listed { None } else { Some(ComponentConfig::from_config(own)?) };
        let mut components: Vec<ComponentConfig> =
            own.into_iter().chain(config.components().iter().cloned()).collect();
        if !takes_messages {
            components = components.into_iter().map(without_subscription).collect::<Result<_, _>>()?;
        }
        container.configure(components.into_iter().collect());
        container.open(None).await?;

        match find_queue(&**container.references(), arguments.queue.as_ref()) {
            Ok(queue) => Ok(Self { container, queue }),
            Err(error) => {
                // The error that matters is that there is no such queue.
                let _ = container.close(None).await;
                Err(error)
            }
        }
    }

    pub(crate) async fn close(self) -> Result<(), ApplicationError> {
        self.container.close(None).await
    }
}

fn without_subscription(component: ComponentConfig) -> Result<ComponentConfig, ApplicationError> {
    if !component.descriptor().matches(&Descriptor::new("*", "message-queue", "*", "*", "*")) {
        return Ok(component);
    }
    let none = ConfigParams::from_tuples([("options.autosubscribe", "false")]);
    ComponentConfig::from_config(component.config().override_with(&none))
}

/// A file that cannot be read is as wrong as what it can say.
fn as_misconfiguration(error: ApplicationError) -> ApplicationError {
    match error.category() {
        ErrorCategory::FileError => ApplicationError::config(None, "BAD_CONFIG", "--config")
            .with_details("key", "--config")
            .with_cause(error),
        _ => error,
    }
}

/// The queue of that descriptor, or the only one.
fn find_queue(
    references: &dyn IReferences,
    wanted: Option<&Descriptor>,
) -> Result<Arc<dyn IMessageQueue>, ApplicationError> {
    let any = Descriptor::new("*", "message-queue", "*", "*", "*");
    let wanted = wanted.unwrap_or(&any);
    let mut queues = references.get_optional::<dyn IMessageQueue>(wanted);
    if queues.len() == 1 {
        return Ok(queues.swap_remove(0));
    }
    let listed: Vec<String> = references
        .get_all_locators()
        .into_iter()
        .filter(|locator| locator.matches(&any))
        .map(|locator| locator.to_string())
        .collect();
    let problem = match queues.len() {
        0 => format!("no queue matches {wanted}"),
        count => format!("{count} queues match {wanted}; choose one by --queue"),
    };
    let listed = if listed.is_empty() { "no queues".to_owned() } else { listed.join(", ") };
    let message = format!("{problem}: the file lists {listed}");
    Err(ApplicationError::config(None, "NO_QUEUE", message).with_details("key", "--queue"))
}
