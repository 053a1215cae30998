use std::sync::{Arc, Mutex, PoisonError};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{Component, Descriptor, IReferences, References, cast},
};
use pip_services_components::build::IFactory;

use crate::caught::{CONFIGURE, CREATE, caught};

/// The references as components see them while they are linked: what is required and not there is made.
/// Ports `BuildReferencesDecorator`.
pub(crate) struct BuildReferences<'a> {
    references: &'a References,
    made: Mutex<Vec<(Descriptor, Arc<dyn Component>)>>,
}

impl<'a> BuildReferences<'a> {
    pub(crate) fn new(references: &'a References) -> Self {
        Self { references, made: Mutex::default() }
    }

    /// What was made on demand, in order.
    pub(crate) fn into_made(self) -> Vec<(Descriptor, Arc<dyn Component>)> {
        self.made.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes, configures and adds a component, `None` where no factory makes it. It is in the references
    /// before it looks up anything itself, so that components that require each other come to an end.
    ///
    /// Other ports never configure it, and hide why it cannot be made.
    fn make(&self, locator: &Descriptor) -> Result<Option<Arc<dyn Component>>, ApplicationError> {
        let Some((registered, factory)) = find_factory(self.references, locator) else {
            return Ok(None);
        };
        let locator = clarify(locator, &registered);
        let fault = |error: ApplicationError| error.with_details("made", &locator);
        let component = caught(&CREATE, || factory.create(&locator)).map_err(fault)?;
        if let Some(configurable) = cast::<dyn IConfigurable>(&component) {
            let config = ConfigParams::from_tuples([("descriptor", locator.to_string())]);
            caught(&CONFIGURE, || configurable.configure(&config)).map_err(fault)?;
        }
        self.references.put(locator.clone(), component.clone());
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push((locator, component.clone()));
        Ok(Some(component))
    }
}

/// The oldest component that is a factory and makes this, with the locator that it registered.
pub(crate) fn find_factory(
    references: &References,
    locator: &Descriptor,
) -> Option<(Descriptor, Arc<dyn IFactory>)> {
    references
        .get_all()
        .iter()
        .filter_map(cast::<dyn IFactory>)
        .find_map(|factory| Some((factory.can_create(locator)?, factory)))
}

/// The locator that was asked for, its wildcards filled in from the registered one.
fn clarify(locator: &Descriptor, registered: &Descriptor) -> Descriptor {
    let field = |get: fn(&Descriptor) -> Option<&str>| get(locator).or(get(registered)).unwrap_or_default();
    Descriptor::new(
        field(Descriptor::group),
        field(Descriptor::component_type),
        field(Descriptor::kind),
        field(Descriptor::name),
        field(Descriptor::version),
    )
}

impl IReferences for BuildReferences<'_> {
    fn put(&self, locator: Descriptor, component: Arc<dyn Component>) {
        self.references.put(locator, component);
    }

    fn remove(&self, locator: &Descriptor) -> Option<Arc<dyn Component>> {
        self.references.remove(locator)
    }

    fn remove_all(&self, locator: &Descriptor) -> Vec<Arc<dyn Component>> {
        self.references.remove_all(locator)
    }

    fn get_all_locators(&self) -> Vec<Descriptor> {
        self.references.get_all_locators()
    }

    fn get_all(&self) -> Vec<Arc<dyn Component>> {
        self.references.get_all()
    }

    fn find(
        &self,
        locator: &Descriptor,
        required: bool,
    ) -> Result<Vec<Arc<dyn Component>>, ApplicationError> {
        let found = self.references.find(locator, false)?;
        if !required || !found.is_empty() {
            return Ok(found);
        }
        match self.make(locator)? {
            Some(made) => Ok(vec![made]),
            None => self.references.find(locator, true),
        }
    }
}
