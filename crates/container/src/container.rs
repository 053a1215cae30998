use std::{
    path::Path,
    sync::{
        Arc, Mutex as StdMutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pip_services_commons::{
    config::ConfigParams,
    errors::ApplicationError,
    refer::{Descriptor, IReferenceable, IReferences, IUnreferenceable, References, ReferencesExt},
};
use pip_services_components::{
    build::IFactory,
    info::ContextInfo,
    log::{CompositeLogger, ILogger},
};
use tokio::sync::Mutex;

use crate::{
    ContainerConfig, ContainerConfigReader, DefaultContainerFactory, managed_references::ManagedReferences,
};

/// How long a component may take to close, unless it is set.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

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
/// Everything takes `&self`: share it as `Arc<Container>`. See the [crate] for an example.
pub struct Container {
    name: String,
    factory: Arc<DefaultContainerFactory>,
    logger: CompositeLogger,
    setup: StdMutex<Setup>,
    references: Arc<References>,
    /// Locked while opening and closing, which are one after the other.
    managed: Mutex<ManagedReferences>,
    is_open: AtomicBool,
}

struct Setup {
    config: Option<ContainerConfig>,
    close_timeout: Duration,
}

impl Container {
    /// A container without components. The name is that of its context info, for logs.
    pub fn new(name: impl Into<String>) -> Self {
        let managed = ManagedReferences::new();
        Self {
            name: name.into(),
            factory: Arc::new(DefaultContainerFactory::new()),
            logger: CompositeLogger::new(),
            setup: StdMutex::new(Setup { config: None, close_timeout: CLOSE_TIMEOUT }),
            references: managed.references().clone(),
            managed: Mutex::new(managed),
            is_open: AtomicBool::new(false),
        }
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The container's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets which components there are, from the next [`open`](Self::open) on.
    pub fn configure(&self, config: ContainerConfig) {
        self.setup().config = Some(config);
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
    pub fn set_close_timeout(&self, close_timeout: Duration) {
        self.setup().close_timeout = close_timeout;
    }

    /// The components, for lookups from outside by
    /// [`ReferencesExt`](pip_services_commons::refer::ReferencesExt). There are none unless the container is
    /// open.
    ///
    /// Nothing is made on demand here. What is put here is found by others from then on and dropped by
    /// [`close`](Self::close), but linking, opening and closing it is left to who put it.
    pub fn references(&self) -> &Arc<References> {
        &self.references
    }

    /// Whether the container is open.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(crate) fn logger(&self) -> &CompositeLogger {
        &self.logger
    }

    /// Makes, links and opens all components.
    ///
    /// It can be cancelled by dropping the future; [`close`](Self::close) then closes what was opened.
    ///
    /// # Errors
    /// `NO_CONFIG` (Misconfiguration) where nothing was configured, `ALREADY_OPENED` (InvalidState);
    /// `CANNOT_CREATE` (Misconfiguration) for a descriptor that no factory makes. Otherwise the first error of a
    /// component as it is, so that its category and code tell a misconfiguration from a broker that is
    /// down, with the descriptor in the detail `component`. The container is then closed.
    pub async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut managed = self.managed.lock().await;
        if self.is_open() {
            let message = format!("container {} is open already", self.name);
            return Err(ApplicationError::invalid_state(correlation_id, "ALREADY_OPENED", message));
        }
        let config = self.setup().config.clone().ok_or_else(|| {
            let message = format!("container {} has no configuration", self.name);
            ApplicationError::config(correlation_id, "NO_CONFIG", message)
        })?;
        // There can be components only of an `open` that was cancelled. Their errors were logged.
        let _ = self.stop(&mut managed, correlation_id).await;

        if let Err(error) = self.start(&mut managed, correlation_id, &config).await {
            self.find_loggers();
            self.logger.fatal(
                correlation_id,
                Some(&error),
                format_args!("Container {} cannot start", self.context_name()),
            );
            // The error that led here matters more than those of closing, which are logged.
            let _ = self.stop(&mut managed, correlation_id).await;
            return Err(error);
        }
        self.is_open.store(true, Ordering::Release);
        self.logger.info(correlation_id, format_args!("Container {} started", self.context_name()));
        Ok(())
    }

    async fn start(
        &self,
        managed: &mut ManagedReferences,
        correlation_id: Option<&str>,
        config: &ContainerConfig,
    ) -> Result<(), ApplicationError> {
        let own =
            |component_type, kind| Descriptor::new("pip-services", component_type, kind, "default", "1.0");
        let any_context = Descriptor::new("*", "context-info", "*", "*", "*");
        let mut components = config.components().iter();
        if !components.any(|component| component.descriptor().matches(&any_context)) {
            let context = ContextInfo::from_config(&ConfigParams::from_tuples([("name", &self.name)]));
            self.references.put(own("context-info", "default"), Arc::new(context));
        }
        self.references.put(own("factory", "container"), self.factory.clone());

        managed.build(correlation_id, config)?;
        managed.link()?;
        self.find_loggers();
        for locator in managed.take_made() {
            // Mostly meant, but a typing error in a dependency looks the same.
            let what = format_args!(
                "Made {locator}: a component requires it, and the configuration does not list it"
            );
            self.logger.warn(correlation_id, what);
        }
        managed.open(correlation_id).await
    }

    fn find_loggers(&self) {
        // It looks for optional references only, so that there is nothing that could fail.
        let _ = self.logger.set_references(&*self.references);
    }

    /// The name by the newest context info, which can be one of the configuration.
    fn context_name(&self) -> String {
        let any_context = Descriptor::new("*", "context-info", "*", "*", "*");
        self.references
            .get_one_optional::<ContextInfo>(&any_context)
            .map_or_else(|| self.name.clone(), |context| context.name())
    }

    /// Closes all components and takes them apart. Closing what is not open is Ok.
    ///
    /// # Errors
    /// The first error of a component, with its descriptor in the detail `component`, and the others in
    /// the details as `also.<number>`; `CLOSE_TIMEOUT` (NoResponse) for one that was given up. Each is logged.
    /// The container is closed all the same.
    pub async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut managed = self.managed.lock().await;
        self.stop(&mut managed, correlation_id).await
    }

    async fn stop(
        &self,
        managed: &mut ManagedReferences,
        correlation_id: Option<&str>,
    ) -> Result<(), ApplicationError> {
        let was_open = self.is_open.swap(false, Ordering::AcqRel);
        let close_timeout = self.setup().close_timeout;
        let closed = managed.close(correlation_id, close_timeout, &self.logger).await;
        if was_open {
            self.logger.info(correlation_id, format_args!("Container {} stopped", self.context_name()));
        }
        self.logger.unset_references();
        managed.unlink();
        closed
    }
}
