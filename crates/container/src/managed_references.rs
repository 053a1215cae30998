use std::{sync::Arc, time::Duration};

use pip_services_commons::{
    config::IConfigurable,
    errors::ApplicationError,
    refer::{Component, Descriptor, IReferenceable, IReferences, IUnreferenceable, References, cast},
    run::{IClosable, IOpenable},
};
use pip_services_components::{build::IFactory, log::ILogger};
use tokio::time::timeout;

use crate::{
    ComponentConfig, ContainerConfig,
    build_references::{BuildReferences, find_factory},
};

/// The components that a container made, and their way through the lifecycle: build, link, open, close,
/// unlink. Ports `ContainerReferences` and `ManagedReferences`.
///
/// Components put into the references by others are found like the rest, but not managed.
pub(crate) struct ManagedReferences {
    references: Arc<References>,
    /// In the order of opening: that of the configuration, what was made on demand before who asked for it.
    managed: Vec<Managed>,
    /// What was made on demand and not told yet.
    made: Vec<Descriptor>,
}

struct Managed {
    locator: Descriptor,
    component: Arc<dyn Component>,
    linked: bool,
    /// From before `open` is called, so that a component whose opening was cancelled is closed.
    opened: bool,
}

impl Managed {
    fn new(locator: Descriptor, component: Arc<dyn Component>) -> Self {
        Self { locator, component, linked: false, opened: false }
    }

    /// The component's error, as it is but for the detail that names the component.
    fn error(&self, error: ApplicationError) -> ApplicationError {
        of_component(&self.locator, error)
    }
}

fn of_component(locator: &Descriptor, error: ApplicationError) -> ApplicationError {
    error.with_details("component", locator)
}

impl ManagedReferences {
    pub(crate) fn new() -> Self {
        Self { references: Arc::new(References::new()), managed: Vec::new(), made: Vec::new() }
    }

    pub(crate) fn references(&self) -> &Arc<References> {
        &self.references
    }

    /// Makes and configures all components.
    pub(crate) fn build(
        &mut self,
        correlation_id: Option<&str>,
        config: &ContainerConfig,
    ) -> Result<(), ApplicationError> {
        for component in config.components() {
            self.build_one(correlation_id, component)
                .map_err(|error| of_component(component.descriptor(), error))?;
        }
        Ok(())
    }

    fn build_one(
        &mut self,
        correlation_id: Option<&str>,
        config: &ComponentConfig,
    ) -> Result<(), ApplicationError> {
        let locator = config.descriptor();
        let Some((_, factory)) = find_factory(&self.references, locator) else {
            // Not a programming error, as that of a factory is: the configuration asks for what is not there.
            let message = format!("no factory makes {locator}; correct the descriptor or add a factory");
            return Err(ApplicationError::config(correlation_id, "CANNOT_CREATE", message)
                .with_details("locator", locator));
        };
        let component = factory.create(locator)?;
        self.references.put(locator.clone(), component.clone());
        self.managed.push(Managed::new(locator.clone(), component.clone()));
        if let Some(configurable) = cast::<dyn IConfigurable>(&component) {
            configurable.configure(config.config())?;
        }
        if cast::<dyn IFactory>(&component).is_some() {
            // It may need others to make components, which can be the next ones.
            self.link_one(self.managed.len() - 1)?;
        }
        Ok(())
    }

    /// Lets all components find each other, in order.
    pub(crate) fn link(&mut self) -> Result<(), ApplicationError> {
        // A factory, linked already, has not seen what was made after it.
        self.managed.iter_mut().for_each(|managed| managed.linked = false);
        while let Some(next) = self.managed.iter().position(|managed| !managed.linked) {
            self.link_one(next)?;
        }
        Ok(())
    }

    /// Links a component. What it requires and is not there is made, and takes its place before it.
    fn link_one(&mut self, index: usize) -> Result<(), ApplicationError> {
        let managed = &mut self.managed[index];
        managed.linked = true;
        let Some(referenceable) = cast::<dyn IReferenceable>(&managed.component) else {
            return Ok(());
        };
        let references = BuildReferences::new(&self.references);
        let result = referenceable.set_references(&references).map_err(|error| managed.error(error));
        let made = references.into_made();
        self.made.extend(made.iter().map(|(locator, _)| locator.clone()));
        let made = made.into_iter().map(|(locator, component)| Managed::new(locator, component));
        self.managed.splice(index..index, made);
        result
    }

    /// What was made since the last call because a component requires it and the configuration does not list it.
    pub(crate) fn take_made(&mut self) -> Vec<Descriptor> {
        std::mem::take(&mut self.made)
    }

    /// Opens all components, in order.
    pub(crate) async fn open(&mut self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        for managed in &mut self.managed {
            managed.opened = true;
            let Some(openable) = cast::<dyn IOpenable>(&managed.component) else {
                continue;
            };
            if let Err(error) = openable.open(correlation_id).await {
                managed.opened = false;
                return Err(managed.error(error));
            }
        }
        Ok(())
    }

    /// Closes what was opened, in reverse, whatever fails. A component that takes longer than `limit`, or
    /// panics, is given up.
    ///
    /// # Errors
    /// The first error; the others are in its details as `also.<number>`.
    pub(crate) async fn close(
        &mut self,
        correlation_id: Option<&str>,
        limit: Duration,
        logger: &dyn ILogger,
    ) -> Result<(), ApplicationError> {
        let mut first: Option<ApplicationError> = None;
        let mut others = 0;
        for managed in self.managed.iter_mut().rev().filter(|managed| managed.opened) {
            managed.opened = false;
            let Some(closable) = cast::<dyn IClosable>(&managed.component) else {
                continue;
            };
            let Err(error) = close_one(closable, correlation_id, limit).await else {
                continue;
            };
            let error = managed.error(error);
            logger.error(correlation_id, Some(&error), format_args!("Cannot close {}", managed.locator));
            first = Some(match first {
                None => error,
                Some(first) => {
                    others += 1;
                    let other = format!("{}: {error:#}", managed.locator);
                    first.with_details(format!("also.{others}"), other)
                }
            });
        }
        first.map_or(Ok(()), Err)
    }

    /// Lets all components go of each other, in reverse, and forgets them.
    pub(crate) fn unlink(&mut self) {
        for managed in self.managed.drain(..).rev() {
            if let Some(unreferenceable) = cast::<dyn IUnreferenceable>(&managed.component) {
                unreferenceable.unset_references();
            }
        }
        let everything = Descriptor::new("*", "*", "*", "*", "*");
        self.references.remove_all(&everything);
    }
}

impl Drop for ManagedReferences {
    /// Components that hold each other would otherwise outlive a container that was never closed.
    fn drop(&mut self) {
        self.unlink();
    }
}

async fn close_one(
    closable: Arc<dyn IClosable>,
    correlation_id: Option<&str>,
    limit: Duration,
) -> Result<(), ApplicationError> {
    // In a task of its own, so that a panic does not keep the others from being closed.
    let for_task = correlation_id.map(str::to_owned);
    let mut task = tokio::spawn(async move { closable.close(for_task.as_deref()).await });
    match timeout(limit, &mut task).await {
        Ok(Ok(closed)) => closed,
        Ok(Err(failed)) => {
            Err(ApplicationError::internal(correlation_id, "CLOSE_FAILED", "closing panicked")
                .with_cause(failed))
        }
        Err(_) => {
            task.abort();
            let message = format!("not closed within {} ms, given up", limit.as_millis());
            Err(ApplicationError::connection(correlation_id, "CLOSE_TIMEOUT", message))
        }
    }
}
