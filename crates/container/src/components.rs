use std::{sync::Arc, time::Duration};

use pip_services_commons::{
    config::IConfigurable,
    errors::ApplicationError,
    refer::{Component, Descriptor, IReferenceable, IReferences, References, cast},
};
use pip_services_components::{build::IFactory, log::ILogger};

use crate::{
    ComponentConfig,
    build_references::{BuildReferences, find_factory},
    caught::{CONFIGURE, CREATE, LINK, caught},
    closed::Closed,
    managed::{Managed, of_component},
};

/// The components of a `ManagedReferences`, and their way through the lifecycle: put, link, open, close, unlink.
pub(crate) struct Components {
    references: Arc<References>,
    /// In the order of opening: that in which they were put, what was made on demand before who asked for it.
    managed: Vec<Managed>,
    /// What was made on demand and not told yet.
    made: Vec<Descriptor>,
}

impl Components {
    pub(crate) fn new(references: Arc<References>) -> Self {
        Self { references, managed: Vec::new(), made: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.managed.len()
    }

    pub(crate) fn put(&mut self, locator: Descriptor, component: Arc<dyn Component>) {
        self.references.put(locator.clone(), component.clone());
        self.managed.push(Managed::new(locator, component));
    }

    /// Makes, puts and configures the component of an entry, which is counted from one.
    pub(crate) fn put_from_config(
        &mut self,
        correlation_id: Option<&str>,
        entry: usize,
        config: &ComponentConfig,
    ) -> Result<(), ApplicationError> {
        let locator = config.descriptor();
        let component =
            self.make(correlation_id, locator).map_err(|error| of_component(locator, Some(entry), error))?;
        self.put(locator.clone(), component.clone());
        let index = self.managed.len() - 1;
        let managed = &mut self.managed[index];
        managed.entry = Some(entry);
        if let Some(configurable) = cast::<dyn IConfigurable>(&component) {
            caught(&CONFIGURE, || configurable.configure(config.config()))
                .map_err(|error| managed.error(error))?;
        }
        if cast::<dyn IFactory>(&component).is_some() {
            // It may need others to make components, which can be the next ones.
            self.link_one(index)?;
        }
        Ok(())
    }

    fn make(
        &self,
        correlation_id: Option<&str>,
        locator: &Descriptor,
    ) -> Result<Arc<dyn Component>, ApplicationError> {
        match find_factory(&self.references, locator) {
            Some((_, factory)) => caught(&CREATE, || factory.create(locator)),
            None => {
                // Not a programming error, as that of a factory is: the configuration asks for what is not there.
                let message = format!("no factory makes {locator}; correct the descriptor or add a factory");
                Err(ApplicationError::config(correlation_id, "CANNOT_CREATE", message)
                    .with_details("locator", locator))
            }
        }
    }

    /// Asks for all components to be linked, those too that were while they were made: they have not seen what was
    /// made later.
    pub(crate) fn link_again(&mut self) {
        self.managed.iter_mut().for_each(|managed| managed.to_link = true);
    }

    /// Links those that are still to be linked, in order.
    pub(crate) fn link(&mut self) -> Result<(), ApplicationError> {
        while let Some(next) = self.managed.iter().position(|managed| managed.to_link) {
            self.link_one(next)?;
        }
        Ok(())
    }

    /// Links a component. What it requires and is not there is made, and takes its place before it.
    fn link_one(&mut self, index: usize) -> Result<(), ApplicationError> {
        let managed = &mut self.managed[index];
        managed.to_link = false;
        managed.linked = true;
        let Some(referenceable) = cast::<dyn IReferenceable>(&managed.component) else {
            return Ok(());
        };
        let references = BuildReferences::new(&self.references);
        let result =
            caught(&LINK, || referenceable.set_references(&references)).map_err(|error| managed.error(error));
        let made = references.into_made();
        self.made.extend(made.iter().map(|(locator, _)| locator.clone()));
        let made = made.into_iter().map(|(locator, component)| Managed::new(locator, component));
        self.managed.splice(index..index, made);
        result
    }

    /// What was made since the last call because a component requires it and nobody has put it.
    pub(crate) fn take_made(&mut self) -> Vec<Descriptor> {
        std::mem::take(&mut self.made)
    }

    /// Opens those that are not open, in order.
    pub(crate) async fn open(&mut self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        for managed in self.managed.iter_mut().filter(|managed| !managed.opened) {
            managed.open(correlation_id).await?;
        }
        Ok(())
    }

    /// Closes those that were opened from this place on, in reverse, whatever fails.
    pub(crate) async fn close(
        &mut self,
        from: usize,
        correlation_id: Option<&str>,
        limit: Duration,
        logger: &dyn ILogger,
    ) -> Closed {
        Closed::all(self.managed[from..].iter_mut().rev(), correlation_id, limit, logger).await
    }

    /// Lets the components from this place on go of the others, in reverse.
    pub(crate) fn unlink(&mut self, from: usize) {
        self.managed[from..].iter_mut().rev().for_each(Managed::unlink);
    }

    /// Forgets the components from this place on.
    pub(crate) fn forget(&mut self, from: usize) {
        for managed in self.managed.drain(from..).rev() {
            self.references.remove_component(&managed.component);
        }
    }

    /// Forgets all components, and those that others have put into the references.
    pub(crate) fn forget_all(&mut self) {
        self.managed.clear();
        self.references.remove_all(&Descriptor::new("*", "*", "*", "*", "*"));
    }

    /// Takes out a component that was removed from the references by this locator, if it is one of these.
    pub(crate) fn take(&mut self, locator: &Descriptor, component: &Arc<dyn Component>) -> Option<Managed> {
        let is_it = |managed: &Managed| {
            Arc::ptr_eq(&managed.component, component) && managed.locator.matches(locator)
        };
        let newest = self.managed.iter().rposition(is_it)?;
        let mut taken = self.managed.remove(newest);
        if self.managed.iter().any(|managed| Arc::ptr_eq(&managed.component, component)) {
            // It lives on under another locator.
            (taken.linked, taken.opened) = (false, false);
        }
        Some(taken)
    }
}

impl Drop for Components {
    /// Components that hold each other would otherwise outlive a container that was never closed.
    fn drop(&mut self) {
        self.unlink(0);
        self.forget_all();
    }
}
