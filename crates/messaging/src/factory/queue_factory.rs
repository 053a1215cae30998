use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{Component, Descriptor, IReferenceable, IReferences, IUnreferenceable, References},
};
use pip_services_components::build::{Factory, IFactory};

use super::kept::keep;
use crate::IMessageQueue;

/// Makes queues by name; ports `IMessageQueueFactory`.
pub trait IMessageQueueFactory: Send + Sync {
    /// A new queue of that name, configured and linked, for the caller to open and to close.
    ///
    /// # Errors
    /// Those of the queue: its configuration is wrong, or something that it requires is not in the references.
    fn create_queue(&self, name: &str) -> Result<Arc<dyn IMessageQueue>, ApplicationError>;
}

/// What a factory of queues has: the configuration and the references that each queue gets; ports
/// `MessageQueueFactory`.
///
/// A factory of one kind of queue wraps one and is completed by
/// [`message_queue_factory!`](crate::message_queue_factory); see there.
///
/// It is configured as the queues are. What would give them all one name or one destination is left out: `name`,
/// `id`, `descriptor`, `queue`, and the parameters that are the kind's [destination](Self::destination). In other
/// ports such a queue has the name of the factory.
///
/// Of the references it keeps what queues look up, until `unset_references`: loggers, counters, discoveries,
/// credential stores, connections, and what its `dependencies.*` name.
pub struct MessageQueueFactory {
    maker: Arc<Maker>,
    factory: Factory,
}

/// The part that the factory shares with what is registered at it.
struct Maker {
    create: Box<Create>,
    setup: Mutex<Setup>,
}

/// Makes a queue of that name, configured, and linked where there are references.
type Create =
    dyn Fn(&str, &ConfigParams, Option<&References>) -> Result<Made, ApplicationError> + Send + Sync;

/// One queue, in two roles.
struct Made {
    component: Arc<dyn Component>,
    queue: Arc<dyn IMessageQueue>,
}

#[derive(Default)]
struct Setup {
    config: ConfigParams,
    destinations: Vec<&'static str>,
    references: Option<Arc<References>>,
}

impl MessageQueueFactory {
    /// A factory that makes what matches the locator, by a constructor that gets the name.
    pub fn new<Q, F>(locator: Descriptor, create: F) -> Self
    where
        Q: Component + IMessageQueue + IConfigurable + IReferenceable,
        F: Fn(&str) -> Q + Send + Sync + 'static,
    {
        let create = move |name: &str, config: &ConfigParams, references: Option<&References>| {
            let queue = Arc::new(create(name));
            queue.configure(config)?;
            if let Some(references) = references {
                queue.set_references(references)?;
            }
            Ok(Made { component: queue.clone(), queue })
        };
        let maker = Arc::new(Maker { create: Box::new(create), setup: Mutex::default() });
        let mut factory = Factory::new();
        let registered = maker.clone();
        factory.register(locator, move |locator| {
            Ok(registered.make(locator.name().unwrap_or_default())?.component)
        });
        Self { maker, factory }
    }

    /// Leaves out that parameter, of which each queue has its own, such as what it sends to. There can be several.
    #[must_use]
    pub fn destination(self, parameter: &'static str) -> Self {
        self.maker.setup().destinations.push(parameter);
        self
    }
}

impl Maker {
    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, name: &str) -> Result<Made, ApplicationError> {
        let (config, references) = {
            let setup = self.setup();
            (setup.config.clone(), setup.references.clone())
        };
        (self.create)(name, &config, references.as_deref())
    }
}

impl IConfigurable for MessageQueueFactory {
    /// Takes the parameters of the queues. What they do not name stays as it is.
    ///
    /// # Errors
    /// Those of a queue, which is configured to try them. Nothing is changed then.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let mut queues = self.maker.setup().config.override_with(config);
        let destinations = self.maker.setup().destinations.clone();
        for own in ["name", "id", "descriptor", "queue"].into_iter().chain(destinations) {
            queues.remove(own);
        }
        (self.maker.create)("", &queues, None)?;
        self.maker.setup().config = queues;
        Ok(())
    }
}

impl IReferenceable for MessageQueueFactory {
    /// Keeps what the queues will look up. Nothing is required here: what a queue lacks is an error when it is
    /// made.
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let config = self.maker.setup().config.clone();
        let kept = keep(references, &config);
        self.maker.setup().references = Some(kept);
        Ok(())
    }
}

impl IUnreferenceable for MessageQueueFactory {
    fn unset_references(&self) {
        self.maker.setup().references = None;
    }
}

impl IMessageQueueFactory for MessageQueueFactory {
    fn create_queue(&self, name: &str) -> Result<Arc<dyn IMessageQueue>, ApplicationError> {
        Ok(self.maker.make(name)?.queue)
    }
}

impl IFactory for MessageQueueFactory {
    fn can_create(&self, locator: &Descriptor) -> Option<Descriptor> {
        self.factory.can_create(locator)
    }

    fn create(&self, locator: &Descriptor) -> Result<Arc<dyn Component>, ApplicationError> {
        self.factory.create(locator)
    }
}
