use std::sync::Arc;

use indexmap::IndexMap;

use super::{Descriptor, IReferences, ReferencesExt};
use crate::{config::ConfigParams, errors::ApplicationError};

/// Finds a component's dependencies by name, with locators that the configuration can change; ports
/// `DependencyResolver`.
///
/// Unlike in other ports the references are given to each lookup instead of being kept, as a component must
/// not keep its container.
///
/// ```
/// use pip_services_commons::{config::ConfigParams, refer::{DependencyResolver, Descriptor}};
///
/// let mut resolver = DependencyResolver::new();
/// resolver.put("connection", "*:connection:mqtt:*:1.0".parse()?);
/// resolver.configure(&ConfigParams::from_tuples([("dependencies.connection", "*:connection:mqtt:main:1.0")]))?;
/// assert_eq!(resolver.locator("connection").and_then(Descriptor::name), Some("main"));
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DependencyResolver {
    locators: IndexMap<String, Descriptor>,
}

impl DependencyResolver {
    /// A resolver without dependencies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the locator of a dependency.
    pub fn put(&mut self, name: impl Into<String>, locator: Descriptor) {
        self.locators.insert(name.into(), locator);
    }

    /// Takes locators from `dependencies.<name>`; they replace those set before. Blank ones are skipped.
    ///
    /// # Errors
    /// `BAD_DESCRIPTOR` (Misconfiguration) with the key at fault. Other ports keep such a text as a locator
    /// that nothing matches.
    pub fn configure(&mut self, config: &ConfigParams) -> Result<(), ApplicationError> {
        for (name, text) in config.get_section("dependencies").iter() {
            let Some(text) = text.filter(|text| !text.is_empty()) else {
                continue;
            };
            let locator = text.parse().map_err(|error: ApplicationError| {
                let key = format!("dependencies.{name}");
                ApplicationError::config(None, "BAD_DESCRIPTOR", format!("{key}: {error}"))
                    .with_details("key", key)
            })?;
            self.put(name, locator);
        }
        Ok(())
    }

    /// The locator of a dependency.
    pub fn locator(&self, name: &str) -> Option<&Descriptor> {
        self.locators.get(name)
    }

    /// All components of a dependency, newest first; none for an unknown name.
    pub fn get_optional<I: ?Sized + 'static>(&self, references: &dyn IReferences, name: &str) -> Vec<Arc<I>> {
        self.locator(name).map(|locator| references.get_optional(locator)).unwrap_or_default()
    }

    /// The newest component of a dependency; `None` for an unknown name.
    pub fn get_one_optional<I: ?Sized + 'static>(
        &self,
        references: &dyn IReferences,
        name: &str,
    ) -> Option<Arc<I>> {
        references.get_one_optional(self.locator(name)?)
    }

    /// All components of a dependency, newest first, at least one.
    ///
    /// # Errors
    /// `REF_ERROR` for an unknown name, otherwise as [`ReferencesExt::get_required`].
    pub fn get_required<I: ?Sized + 'static>(
        &self,
        references: &dyn IReferences,
        name: &str,
    ) -> Result<Vec<Arc<I>>, ApplicationError> {
        references.get_required(self.known(name)?)
    }

    /// The newest component of a dependency, which must be there.
    ///
    /// # Errors
    /// `REF_ERROR` for an unknown name, otherwise as [`ReferencesExt::get_one_required`].
    pub fn get_one_required<I: ?Sized + 'static>(
        &self,
        references: &dyn IReferences,
        name: &str,
    ) -> Result<Arc<I>, ApplicationError> {
        references.get_one_required(self.known(name)?)
    }

    fn known(&self, name: &str) -> Result<&Descriptor, ApplicationError> {
        self.locator(name).ok_or_else(|| {
            let message = format!("dependency '{name}' is not configured");
            ApplicationError::internal(None, "REF_ERROR", message).with_details("locator", name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{component, refer::References};

    struct Thing;
    component!(Thing);

    #[test]
    fn configured_locators_find_components_and_unknown_names_find_none() {
        let references = References::new();
        references.put("g:thing:k:a:1.0".parse().unwrap(), Arc::new(Thing));
        let mut resolver = DependencyResolver::new();
        resolver.put("thing", "*:other:*:*:*".parse().unwrap());
        assert!(resolver.get_one_optional::<Thing>(&references, "thing").is_none());

        let config =
            ConfigParams::from_tuples([("dependencies.thing", "*:thing:*:*:*"), ("dependencies.blank", "")]);
        resolver.configure(&config).unwrap();
        assert!(resolver.get_one_required::<Thing>(&references, "thing").is_ok());
        assert_eq!(resolver.get_required::<Thing>(&references, "thing").unwrap().len(), 1);
        assert!(resolver.get_optional::<Thing>(&references, "unknown").is_empty());
        let error = resolver.get_one_required::<Thing>(&references, "unknown").err().unwrap();
        assert_eq!((error.code(), error.detail("locator")), ("REF_ERROR", Some("unknown")));
    }

    #[test]
    fn a_malformed_locator_is_an_error_that_names_its_key() {
        let config = ConfigParams::from_tuples([("dependencies.thing", "a:b")]);
        let error = DependencyResolver::new().configure(&config).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_DESCRIPTOR", Some("dependencies.thing")));
    }
}
