use std::sync::Arc;

use pip_services_commons::{
    component,
    errors::ApplicationError,
    refer::{Component, Descriptor},
};

use super::create_error;

/// Makes components for descriptors; ports `IFactory`.
///
/// A container asks each of its factories with the descriptor of a component that it needs. A component that
/// offers `dyn IFactory` and is listed in a container's file takes part in making the later ones.
pub trait IFactory: Send + Sync {
    /// The registered locator that the request matches, or `None` where this factory does not make it.
    fn can_create(&self, locator: &Descriptor) -> Option<Descriptor>;

    /// Makes a new component, neither configured nor linked nor opened.
    ///
    /// # Errors
    /// `CANNOT_CREATE` with the detail `locator`: of category Internal where this factory does not make it,
    /// of the category of the cause where making it failed.
    fn create(&self, locator: &Descriptor) -> Result<Arc<dyn Component>, ApplicationError>;
}

/// Makes a component for the descriptor that was asked for.
type Create = dyn Fn(&Descriptor) -> Result<Arc<dyn Component>, ApplicationError> + Send + Sync;

/// A factory of registered constructors; ports `Factory`.
///
/// Registrations are asked in the order in which they were made, and the first that matches makes the
/// component. As a wildcard on either side matches, a request whose group and type are both wildcards would
/// be met by whatever was registered first; it is refused instead.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::{component, refer::cast};
/// use pip_services_components::build::{Factory, IFactory};
///
/// struct Cache { name: Option<String> }
/// component!(Cache);
///
/// let mut factory = Factory::new();
/// factory.register("my-group:cache:memory:*:1.0".parse()?, |locator| {
///     Ok(Arc::new(Cache { name: locator.name().map(str::to_owned) }))
/// });
///
/// let cache = factory.create(&"my-group:cache:memory:small:1.0".parse()?)?;
/// assert_eq!(cast::<Cache>(&cache).and_then(|cache| cache.name.clone()).as_deref(), Some("small"));
///
/// let unknown = factory.create(&"my-group:cache:redis:small:1.0".parse()?).err();
/// assert_eq!(unknown.map(|error| error.code().to_owned()).as_deref(), Some("CANNOT_CREATE"));
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Default)]
pub struct Factory {
    registrations: Vec<(Descriptor, Box<Create>)>,
}

component!(Factory: dyn IFactory);

impl Factory {
    /// A factory that makes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a constructor for what matches the locator. It is given the descriptor that was asked for.
    pub fn register<F>(&mut self, locator: Descriptor, create: F)
    where
        F: Fn(&Descriptor) -> Result<Arc<dyn Component>, ApplicationError> + Send + Sync + 'static,
    {
        self.registrations.push((locator, Box::new(create)));
    }

    fn registration(&self, locator: &Descriptor) -> Option<&(Descriptor, Box<Create>)> {
        if create_error::is_vague(locator) {
            return None;
        }
        self.registrations.iter().find(|(registered, _)| registered.matches(locator))
    }
}

impl IFactory for Factory {
    fn can_create(&self, locator: &Descriptor) -> Option<Descriptor> {
        self.registration(locator).map(|(registered, _)| registered.clone())
    }

    fn create(&self, locator: &Descriptor) -> Result<Arc<dyn Component>, ApplicationError> {
        let (_, create) = self.registration(locator).ok_or_else(|| create_error::not_registered(locator))?;
        create(locator).map_err(|cause| create_error::failed(locator, cause))
    }
}
