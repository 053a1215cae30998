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

#[cfg(test)]
mod tests {
    use std::error::Error;

    use pip_services_commons::{errors::ErrorCategory, refer::cast};

    use super::*;

    struct Made(&'static str);
    component!(Made);

    fn locator(text: &str) -> Descriptor {
        text.parse().unwrap()
    }

    fn made(factory: &Factory, text: &str) -> Result<&'static str, ApplicationError> {
        let component = factory.create(&locator(text))?;
        Ok(cast::<Made>(&component).unwrap().0)
    }

    fn factory() -> Factory {
        let mut factory = Factory::new();
        factory.register(locator("g:a:k:*:1.0"), |_| Ok(Arc::new(Made("a"))));
        factory.register(locator("g:b:k:*:1.0"), |_| Ok(Arc::new(Made("b"))));
        factory.register(locator("g:b:k:late:1.0"), |_| Ok(Arc::new(Made("late"))));
        factory
    }

    #[test]
    fn the_first_registration_that_matches_makes_the_component() {
        let factory = factory();
        assert_eq!(made(&factory, "g:b:k:late:1.0").unwrap(), "b");
        assert_eq!(made(&factory, "g:*:*:*:*").unwrap(), "a");
        assert_eq!(factory.can_create(&locator("g:b:k:x:1.0")), Some(locator("g:b:k:*:1.0")));
    }

    #[test]
    fn what_is_not_registered_is_an_error_that_names_it() {
        let factory = factory();
        assert_eq!(factory.can_create(&locator("g:c:k:x:1.0")), None);
        let error = made(&factory, "g:c:k:x:1.0").unwrap_err();
        assert_eq!(error.code(), "CANNOT_CREATE");
        assert_eq!(error.category(), &ErrorCategory::Internal);
        assert_eq!(error.detail("locator"), Some("g:c:k:x:1.0"));
    }

    #[test]
    fn a_request_without_group_and_type_is_refused() {
        let factory = factory();
        assert_eq!(factory.can_create(&locator("*:*:k:x:1.0")), None);
        let error = made(&factory, "*:*:k:x:1.0").unwrap_err();
        assert!(error.message().ends_with("its group or its type must be given"), "{error}");
    }

    #[test]
    fn a_failed_constructor_is_the_cause_and_gives_its_category() {
        let mut factory = Factory::new();
        factory.register(locator("g:a:k:*:1.0"), |_| Err(ApplicationError::config(None, "BAD_VALUE", "no")));
        let error = made(&factory, "g:a:k:x:1.0").unwrap_err();
        assert_eq!(error.code(), "CANNOT_CREATE");
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration);
        assert_eq!(error.source().unwrap().to_string(), "no");
        assert_eq!(error.detail("locator"), Some("g:a:k:x:1.0"));
    }

    #[test]
    fn an_error_that_already_tells_what_cannot_be_created_passes_through() {
        let mut factory = Factory::new();
        factory.register(locator("g:a:k:*:1.0"), |_| Factory::new().create(&locator("g:inner:k:x:1.0")));
        let error = made(&factory, "g:a:k:x:1.0").unwrap_err();
        assert_eq!(error.detail("locator"), Some("g:inner:k:x:1.0"));
    }
}
