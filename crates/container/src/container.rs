use std::{
    path::Path,
    sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError},
    time::Duration,
};

use pip_services_commons::{
    config::ConfigParams,
    errors::ApplicationError,
    refer::{Descriptor, IReferences, References, ReferencesExt},
};
use pip_services_components::{
    build::IFactory,
    info::ContextInfo,
    log::{CompositeLogger, ILogger},
};
use tokio::sync::Mutex;

use crate::{
    ContainerConfig, ContainerConfigReader, DefaultContainerFactory, ManagedReferences,
    closed::Closed,
    managed::{at_fault, of_component},
};

/// Makes components from a configuration and runs them; ports `Container`.
///
/// [`open`](Self::open) takes the components through these steps, each in the order of the configuration:
///
/// 1. Each is made by a factory, put into the references under its descriptor, and configured with its entry.
///    One that offers `dyn IFactory` takes part in making the later ones.
/// 2. Each looks up others by `set_references`. What it requires and is not there is made by factory,
///    configured with nothing but its `descriptor`, and takes its place before the one that asked.
/// 3. Each is opened.
///
/// [`close`](Self::close) closes them in reverse, then takes them apart in reverse. Where opening fails, what
/// was opened before is closed in the same way.
///
/// The container adds the context info `pip-services:context-info:default:default:1.0`, unless the
/// configuration has one, and its factory, `pip-services:factory:container:default:1.0`. It logs through
/// the loggers of the configuration.
///
/// The entry of a context info is that of the container itself: its name is what the logs call it, and
/// `options.close_timeout` how many milliseconds each component may take to close (10000).
///
/// Everything takes `&self`: share it as `Arc<Container>`. See the [crate] for an example.
pub struct Container {
    name: String,
    factory: Arc<DefaultContainerFactory>,
    config: StdMutex<Option<ContainerConfig>>,
    references: ManagedReferences,
    /// Whether there may be components. Locked while opening and closing, which are one after the other.
    is_started: Mutex<bool>,
}

/// Why a container did not open.
pub(crate) struct NotOpened {
    pub(crate) error: ApplicationError,
    /// Whether a component was given up when those opened before were closed.
    pub(crate) given_up: bool,
}

impl From<ApplicationError> for NotOpened {
    fn from(error: ApplicationError) -> Self {
        Self { error, given_up: false }
    }
}

impl Container {
    /// A container without components. The name is that of its context info, for logs.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            factory: Arc::new(DefaultContainerFactory::new()),
            config: StdMutex::new(None),
            references: ManagedReferences::new(),
            is_started: Mutex::new(false),
        }
    }

    fn config(&self) -> MutexGuard<'_, Option<ContainerConfig>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The container's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets which components there are, from the next [`open`](Self::open) on.
    pub fn configure(&self, config: ContainerConfig) {
        *self.config() = Some(config);
    }

    /// Sets which components there are from a file, whose template is filled in with the parameters.
    ///
    /// # Errors
    /// As [`ContainerConfigReader::read_from_file`].
    pub fn read_config_from_file(
        &self,
        correlation_id: Option<&str>,
        path: impl AsRef<Path>,
        parameters: &ConfigParams,
    ) -> Result<(), ApplicationError> {
        let config = ContainerConfigReader::read_from_file(correlation_id, path, parameters)?;
        self.configure(config);
        Ok(())
    }

    /// Adds a factory, which is asked before those there: it can replace what they make.
    pub fn add_factory(&self, factory: Arc<dyn IFactory>) {
        self.factory.add(factory);
    }

    /// Sets how long each component may take to close, 10 s at first. One that takes longer is given up.
    ///
    /// The configuration can tell it as well, see [above](Self), which counts from the next [`open`](Self::open) on.
    pub fn set_close_timeout(&self, close_timeout: Duration) {
        self.references.set_close_timeout(close_timeout);
    }

    /// The components, for lookups from outside by
    /// [`ReferencesExt`](pip_services_commons::refer::ReferencesExt). There are none of the configuration unless the
    /// container is open.
    ///
    /// Nothing is made on demand here. What is put here, before opening too, is found by others from then on.
    /// Linking, opening and closing it is left to who put it. [`close`](Self::close) drops it, and so does an
    /// opening that fails.
    pub fn references(&self) -> &Arc<References> {
        self.references.references()
    }

    /// Whether the container is open.
    pub fn is_open(&self) -> bool {
        self.references.is_open()
    }

    pub(crate) fn logger(&self) -> &CompositeLogger {
        self.references.logger()
    }

    /// Makes, links and opens all components.
    ///
    /// It can be cancelled by dropping the future; [`close`](Self::close) then closes what was opened.
    ///
    /// # Errors
    /// `NO_CONFIG` (Misconfiguration) where nothing was configured, `ALREADY_OPENED` (InvalidState);
    /// `CANNOT_CREATE` (Misconfiguration) for a descriptor that no factory makes. Otherwise the first error of a
    /// component as it is, so that its category and code tell a misconfiguration from a broker that is
    /// down. Its details are those of [`ManagedReferences::open`], and where the configuration lists the component,
    /// its place in the list, counted from one, as `entry`. A component that panics is an error too: `CANNOT_CREATE`,
    /// `CONFIGURE_FAILED`, `LINK_FAILED` or `OPEN_FAILED` (Internal). The container is then closed.
    pub async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.open_all(correlation_id).await.map_err(|failure| failure.error)
    }

    pub(crate) async fn open_all(&self, correlation_id: Option<&str>) -> Result<(), NotOpened> {
        let mut is_started = self.is_started.lock().await;
        if self.is_open() {
            let message = format!("container {} is open already", self.name);
            return Err(ApplicationError::invalid_state(correlation_id, "ALREADY_OPENED", message).into());
        }
        let config = self.config().clone().ok_or_else(|| {
            let message = format!("container {} has no configuration", self.name);
            ApplicationError::config(correlation_id, "NO_CONFIG", message)
        })?;
        // There can be components only of an `open` that was cancelled. Their errors are logged.
        self.stop(&mut is_started, correlation_id).await;

        *is_started = true;
        if let Err(error) = self.start(correlation_id, &config).await {
            self.log_failure(correlation_id, &error);
            // The error that led here matters more than those of closing, which are logged.
            let given_up = self.stop(&mut is_started, correlation_id).await.given_up;
            return Err(NotOpened { error, given_up });
        }
        self.logger().info(correlation_id, format_args!("Container {} started", self.context_name()));
        Ok(())
    }

    async fn start(
        &self,
        correlation_id: Option<&str>,
        config: &ContainerConfig,
    ) -> Result<(), ApplicationError> {
        let own =
            |component_type, kind| Descriptor::new("pip-services", component_type, kind, "default", "1.0");
        if !config.components().iter().any(|component| component.descriptor().matches(&any_context())) {
            let context = ContextInfo::from_config(&ConfigParams::from_tuples([("name", &self.name)]));
            self.references().put(own("context-info", "default"), Arc::new(context));
        }
        self.references().put(own("factory", "container"), self.factory.clone());
        if let Some(close_timeout) = close_timeout(config)? {
            self.set_close_timeout(close_timeout);
        }
        self.references.start(correlation_id, config).await
    }

    fn log_failure(&self, correlation_id: Option<&str>, error: &ApplicationError) {
        let (name, component) = (self.context_name(), at_fault(error, false));
        let because = component.map(|component| format!(" because of {component}")).unwrap_or_default();
        let what = format_args!("Container {name} cannot start{because}");
        self.logger().fatal(correlation_id, Some(error), what);
    }

    /// The name by the newest context info, which can be one of the configuration.
    fn context_name(&self) -> String {
        self.references()
            .get_one_optional::<ContextInfo>(&any_context())
            .map_or_else(|| self.name.clone(), |context| context.name())
    }

    /// Closes all components and takes them apart. Closing what is not open is Ok.
    ///
    /// # Errors
    /// As [`ManagedReferences::close`].
    pub async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.close_all(correlation_id).await.into_result()
    }

    pub(crate) async fn close_all(&self, correlation_id: Option<&str>) -> Closed {
        let mut is_started = self.is_started.lock().await;
        self.stop(&mut is_started, correlation_id).await
    }

    async fn stop(&self, is_started: &mut bool, correlation_id: Option<&str>) -> Closed {
        if !*is_started {
            return Closed::default();
        }
        let was_open = self.is_open();
        let closed = self.references.stop(correlation_id).await;
        if was_open {
            self.logger().info(correlation_id, format_args!("Container {} stopped", self.context_name()));
        }
        self.references.clear().await;
        *is_started = false;
        closed
    }
}

fn any_context() -> Descriptor {
    Descriptor::new("*", "context-info", "*", "*", "*")
}

/// How long the configuration gives each component to close: an option of the context info, whose entry is that
/// of the container itself.
fn close_timeout(config: &ContainerConfig) -> Result<Option<Duration>, ApplicationError> {
    const KEY: &str = "options.close_timeout";
    let contexts = config.components().iter().zip(1..);
    let mut contexts = contexts.filter(|(component, _)| component.descriptor().matches(&any_context()));
    contexts.try_fold(None, |before, (component, entry)| {
        let found = match component.config().try_get_as_duration_ms(KEY) {
            Ok(Some(Duration::ZERO)) => {
                let message = format!("{KEY} is 0; it must be 1 or more");
                Err(ApplicationError::config(None, "BAD_VALUE", message).with_details("key", KEY))
            }
            found => found,
        };
        let found = found.map_err(|error| of_component(component.descriptor(), Some(entry), error))?;
        Ok(found.or(before))
    })
}
