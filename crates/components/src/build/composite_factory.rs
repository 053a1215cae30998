use std::sync::{Arc, PoisonError, RwLock};

use pip_services_commons::{
    component,
    errors::ApplicationError,
    refer::{Component, Descriptor},
};

use super::{IFactory, create_error};

/// A factory of factories; ports `CompositeFactory`.
///
/// The factory added last is asked first, so that a program can replace what a default factory makes.
/// Factories can be added and removed while others use it.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::component;
/// use pip_services_components::build::{CompositeFactory, Factory, IFactory};
///
/// struct Cache;
/// component!(Cache);
///
/// let mut caches = Factory::new();
/// caches.register("my-group:cache:memory:*:1.0".parse()?, |_| Ok(Arc::new(Cache)));
///
/// let factory = CompositeFactory::new();
/// factory.add(Arc::new(caches));
/// assert!(factory.create(&"my-group:cache:memory:small:1.0".parse()?).is_ok());
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Default)]
pub struct CompositeFactory {
    factories: RwLock<Vec<Arc<dyn IFactory>>>,
}

component!(CompositeFactory: dyn IFactory);

impl CompositeFactory {
    /// A factory without others.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a factory, which is asked before those added earlier.
    pub fn add(&self, factory: Arc<dyn IFactory>) {
        self.factories.write().unwrap_or_else(PoisonError::into_inner).push(factory);
    }

    /// Removes this very factory, and tells whether it was there.
    pub fn remove(&self, factory: &Arc<dyn IFactory>) -> bool {
        let mut factories = self.factories.write().unwrap_or_else(PoisonError::into_inner);
        let before = factories.len();
        factories.retain(|one| !Arc::ptr_eq(one, factory));
        factories.len() < before
    }

    /// The newest factory that makes it, with the locator that it registered. The lock is released before any
    /// factory is asked.
    fn find(&self, locator: &Descriptor) -> Option<(Descriptor, Arc<dyn IFactory>)> {
        let factories = self.factories.read().unwrap_or_else(PoisonError::into_inner).clone();
        factories.into_iter().rev().find_map(|factory| Some((factory.can_create(locator)?, factory)))
    }
}

impl IFactory for CompositeFactory {
    fn can_create(&self, locator: &Descriptor) -> Option<Descriptor> {
        self.find(locator).map(|(registered, _)| registered)
    }

    fn create(&self, locator: &Descriptor) -> Result<Arc<dyn Component>, ApplicationError> {
        let (_, factory) = self.find(locator).ok_or_else(|| create_error::not_registered(locator))?;
        factory.create(locator).map_err(|cause| create_error::failed(locator, cause))
    }
}
