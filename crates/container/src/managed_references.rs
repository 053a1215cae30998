use std::{
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pip_services_commons::{
    errors::ApplicationError,
    refer::{Component, Descriptor, IReferenceable, IReferences, IUnreferenceable, References},
};
use pip_services_components::log::{CompositeLogger, ILogger};
use tokio::sync::Mutex;

use crate::{ContainerConfig, closed::Closed, components::Components, managed::Managed};

/// How long a component may take to close, unless it is set.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// References that lead what is put into them through its life: it is linked and opened with them, and closed with
/// them in reverse. Ports `ManagedReferences`, `ContainerReferences` and the decorators that they are made of.
///
/// It is what a [`Container`](crate::Container) is built on, and for programs that compose components
/// in code. [`open`](Self::open) takes the components through these steps, each in the order in which they were put:
///
/// 1. Each looks up others by `set_references`. What it requires and is not there is made by the oldest component
///    that is a factory of it, configured with nothing but its `descriptor`, and takes its place before the one that
///    asked. It is told in the log.
/// 2. Each is opened.
///
/// [`close`](Self::close) closes them in reverse, each within a time of its own, then unlinks them in reverse. They
/// stay where they are, and can be opened again. Messages go to the loggers among the components.
///
/// Components put into [`references`](Self::references) are found like the rest, but not led.
///
/// Everything takes `&self` and is one after the other. So a component must not wait for any of this within its own
/// `open` or `close`; it can use the references that it was linked with. Closing needs tokio's timer.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::refer::ReferencesExt;
/// use pip_services_components::log::{CompositeLogger, ConsoleLogger, ILogger, LogLevel};
/// use pip_services_container::ManagedReferences;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let managed = ManagedReferences::new();
/// managed.put(None, "pip-services:logger:console:default:1.0".parse()?, Arc::new(ConsoleLogger::new())).await?;
/// managed.put(None, "pip-services:logger:composite:default:1.0".parse()?, Arc::new(CompositeLogger::new())).await?;
/// managed.open(None).await?;
///
/// let logger = managed.references().get_one_required::<CompositeLogger>(&"*:logger:*:*:*".parse()?)?;
/// assert!(logger.is_enabled(LogLevel::Info));
/// managed.close(None).await?;
/// # Ok(()) }
/// ```
#[doc(alias = "ContainerReferences")]
pub struct ManagedReferences {
    references: Arc<References>,
    logger: CompositeLogger,
    close_timeout: StdMutex<Duration>,
    components: Mutex<Components>,
    is_open: AtomicBool,
}

impl ManagedReferences {
    /// References without components.
    pub fn new() -> Self {
        let references = Arc::new(References::new());
        Self {
            logger: CompositeLogger::new(),
            close_timeout: StdMutex::new(CLOSE_TIMEOUT),
            components: Mutex::new(Components::new(references.clone())),
            references,
            is_open: AtomicBool::new(false),
        }
    }

    /// The components, for lookups from outside by
    /// [`ReferencesExt`](pip_services_commons::refer::ReferencesExt). Nothing is made on demand here.
    pub fn references(&self) -> &Arc<References> {
        &self.references
    }

    /// Whether the components are open.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Sets how long each component may take to close, 10 s at first. One that takes longer is given up.
    pub fn set_close_timeout(&self, close_timeout: Duration) {
        *self.close_timeout.lock().unwrap_or_else(PoisonError::into_inner) = close_timeout;
    }

    fn close_timeout(&self) -> Duration {
        *self.close_timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a component. While the others are open it is linked and opened at once, and so is what it requires and
    /// has to be made. Where the future is dropped before, it stays as far as it came until it is removed or all are
    /// closed.
    ///
    /// # Errors
    /// Its own error, where it cannot be linked or opened, with its locator in the detail `component`. It is not
    /// added then.
    pub async fn put(
        &self,
        correlation_id: Option<&str>,
        locator: Descriptor,
        component: Arc<dyn Component>,
    ) -> Result<(), ApplicationError> {
        let mut components = self.components.lock().await;
        let from = components.len();
        components.put(locator, component);
        self.open_new(&mut components, correlation_id, from).await
    }

    /// Makes the components of a configuration in order, by factories that are components, those of entries before
    /// included. Each is configured with its entry; otherwise it is as with [`put`](Self::put). Ports
    /// `ContainerReferences.putFromConfig`.
    ///
    /// # Errors
    /// `CANNOT_CREATE` (Misconfiguration) for a descriptor that no factory makes, or else the component's own error;
    /// with its descriptor in the detail `component` and its place in the configuration, counted from one, in the
    /// detail `entry`. None of the configuration is added then. Other ports make a `REF_ERROR` of every error.
    pub async fn put_from_config(
        &self,
        correlation_id: Option<&str>,
        config: &ContainerConfig,
    ) -> Result<(), ApplicationError> {
        let mut components = self.components.lock().await;
        let from = components.len();
        if let Err(error) = make(&mut components, correlation_id, config) {
            components.unlink(from);
            components.forget(from);
            return Err(error);
        }
        self.open_new(&mut components, correlation_id, from).await
    }

    /// Opens what was put at this place and after it, or takes it out again.
    async fn open_new(
        &self,
        components: &mut Components,
        correlation_id: Option<&str>,
        from: usize,
    ) -> Result<(), ApplicationError> {
        if !self.is_open() {
            return Ok(());
        }
        let opened = self.link_and_open(components, correlation_id).await;
        if opened.is_err() {
            // The error that led here matters more than those of closing, which are logged.
            components.close(from, correlation_id, self.close_timeout(), &self.logger).await;
            components.unlink(from);
            components.forget(from);
            self.find_loggers();
        }
        opened
    }

    /// Takes out the newest component that matches, `None` if there is none. If it is open, it is closed and unlinked.
    ///
    /// # Errors
    /// As [`close`](Self::close). It is taken out all the same.
    pub async fn remove(
        &self,
        correlation_id: Option<&str>,
        locator: &Descriptor,
    ) -> Result<Option<Arc<dyn Component>>, ApplicationError> {
        let mut components = self.components.lock().await;
        let removed = self.references.remove(locator);
        self.close_removed(&mut components, correlation_id, locator, removed.as_slice()).await?;
        Ok(removed)
    }

    /// Takes out all components that match and gives them, newest first. Those that are open are closed and unlinked.
    ///
    /// # Errors
    /// As [`close`](Self::close). They are taken out all the same.
    pub async fn remove_all(
        &self,
        correlation_id: Option<&str>,
        locator: &Descriptor,
    ) -> Result<Vec<Arc<dyn Component>>, ApplicationError> {
        let mut components = self.components.lock().await;
        let removed = self.references.remove_all(locator);
        self.close_removed(&mut components, correlation_id, locator, &removed).await?;
        Ok(removed)
    }

    async fn close_removed(
        &self,
        components: &mut Components,
        correlation_id: Option<&str>,
        locator: &Descriptor,
        removed: &[Arc<dyn Component>],
    ) -> Result<(), ApplicationError> {
        let mut removed: Vec<_> =
            removed.iter().filter_map(|component| components.take(locator, component)).collect();
        let limit = self.close_timeout();
        let closed = Closed::all(removed.iter_mut(), correlation_id, limit, &self.logger).await;
        removed.iter_mut().for_each(Managed::unlink);
        if self.is_open() {
            self.find_loggers();
        }
        closed.into_result()
    }

    /// Links and opens all components. Opening what is open is Ok.
    ///
    /// It can be cancelled by dropping the future; [`close`](Self::close) then closes what was opened.
    ///
    /// # Errors
    /// The first error of a component as it is, with its locator in the detail `component`. Where the error is about
    /// making what the component requires, the locator of that is the detail `made`. A component that panics is an error
    /// too: `LINK_FAILED` or `OPEN_FAILED` (Internal). What was opened before is closed again in reverse.
    pub async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut components = self.components.lock().await;
        if self.is_open() {
            return Ok(());
        }
        // There can be open ones only of an `open` that was cancelled. Their errors are logged.
        self.take_down(&mut components, correlation_id).await;
        let opened = self.open_all(&mut components, correlation_id).await;
        if opened.is_err() {
            // The error that led here matters more than those of closing, which are logged.
            self.take_down(&mut components, correlation_id).await;
        }
        opened
    }

    async fn open_all(
        &self,
        components: &mut Components,
        correlation_id: Option<&str>,
    ) -> Result<(), ApplicationError> {
        components.link_again();
        self.link_and_open(components, correlation_id).await?;
        self.is_open.store(true, Ordering::Release);
        Ok(())
    }

    async fn link_and_open(
        &self,
        components: &mut Components,
        correlation_id: Option<&str>,
    ) -> Result<(), ApplicationError> {
        components.link()?;
        self.find_loggers();
        for locator in components.take_made() {
            // Mostly meant, but a typing error in a dependency looks the same.
            let what = format_args!(
                "Made {locator}: a component requires it, and the configuration does not list it"
            );
            self.logger.warn(correlation_id, what);
        }
        components.open(correlation_id).await
    }

    /// Closes all components in reverse, each within the time set, and unlinks them in reverse. They stay where they
    /// are. Closing what is not open is Ok.
    ///
    /// # Errors
    /// The first error of a component, with its locator in the detail `component`, and the others in the details as
    /// `also.<number>`; `CLOSE_TIMEOUT` (NoResponse) for one that was given up. Each is logged. The components are
    /// closed all the same.
    pub async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut components = self.components.lock().await;
        self.take_down(&mut components, correlation_id).await.into_result()
    }

    async fn take_down(&self, components: &mut Components, correlation_id: Option<&str>) -> Closed {
        let closed = self.close_all(components, correlation_id).await;
        self.unlink(components);
        closed
    }

    async fn close_all(&self, components: &mut Components, correlation_id: Option<&str>) -> Closed {
        self.is_open.store(false, Ordering::Release);
        components.close(0, correlation_id, self.close_timeout(), &self.logger).await
    }

    fn unlink(&self, components: &mut Components) {
        self.logger.unset_references();
        components.unlink(0);
    }

    fn find_loggers(&self) {
        // It looks for optional references only, so that there is nothing that could fail.
        let _ = self.logger.set_references(&*self.references);
    }
}

/// What a container does in steps, as it tells of them while its loggers are there.
impl ManagedReferences {
    /// The loggers among the components.
    pub(crate) fn logger(&self) -> &CompositeLogger {
        &self.logger
    }

    /// Makes and opens components. Where that fails, everything stays as far as it came, and the loggers made by then
    /// are found.
    pub(crate) async fn start(
        &self,
        correlation_id: Option<&str>,
        config: &ContainerConfig,
    ) -> Result<(), ApplicationError> {
        let mut components = self.components.lock().await;
        let mut started = make(&mut components, correlation_id, config);
        if started.is_ok() {
            started = self.open_all(&mut components, correlation_id).await;
        }
        if started.is_err() {
            self.find_loggers();
        }
        started
    }

    /// Closes all components, which stay linked.
    pub(crate) async fn stop(&self, correlation_id: Option<&str>) -> Closed {
        self.close_all(&mut *self.components.lock().await, correlation_id).await
    }

    /// Unlinks and forgets all components, and whatever else is in the references.
    pub(crate) async fn clear(&self) {
        let mut components = self.components.lock().await;
        self.unlink(&mut components);
        components.forget_all();
    }
}

impl Default for ManagedReferences {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes the components of a configuration in order.
fn make(
    components: &mut Components,
    correlation_id: Option<&str>,
    config: &ContainerConfig,
) -> Result<(), ApplicationError> {
    let mut entries = config.components().iter().zip(1..);
    entries.try_for_each(|(component, entry)| components.put_from_config(correlation_id, entry, component))
}
