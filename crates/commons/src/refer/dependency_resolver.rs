use std::sync::Arc;

use indexmap::IndexMap;

use super::{Component, Descriptor, IReferences, ReferencesExt};
use crate::{config::ConfigParams, errors::ApplicationError};

/// Finds a component's dependencies by name, with locators that the configuration can change; ports
/// `DependencyResolver`.
///
/// Unlike in other ports the references are given to each lookup instead of being kept, as a component must
/// not keep its container. The error of a lookup has the dependency's name in its message and in the detail
/// `dependency`.
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

    /// A resolver of these names and locators.
    pub fn from_tuples<N: Into<String>>(tuples: impl IntoIterator<Item = (N, Descriptor)>) -> Self {
        let mut resolver = Self::new();
        tuples.into_iter().for_each(|(name, locator)| resolver.put(name, locator));
        resolver
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
            let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
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

    /// All components of a dependency, newest first, whatever they offer.
    ///
    /// # Errors
    /// `REF_ERROR` when `required` is set, for an unknown name and where nothing matches.
    pub fn find(
        &self,
        references: &dyn IReferences,
        name: &str,
        required: bool,
    ) -> Result<Vec<Arc<dyn Component>>, ApplicationError> {
        if !required && self.locator(name).is_none() {
            return Ok(Vec::new());
        }
        self.lookup(name, |locator| references.find(locator, required))
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
        self.lookup(name, |locator| references.get_required(locator))
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
        self.lookup(name, |locator| references.get_one_required(locator))
    }

    fn lookup<T>(
        &self,
        name: &str,
        lookup: impl FnOnce(&Descriptor) -> Result<T, ApplicationError>,
    ) -> Result<T, ApplicationError> {
        let found = match self.locator(name) {
            Some(locator) => lookup(locator),
            None => Err(ApplicationError::internal(None, "REF_ERROR", "it has no locator")
                .with_details("locator", name)),
        };
        found.map_err(|error| {
            let message = format!("dependency '{name}': {error}");
            error.with_message(message).with_details("dependency", name)
        })
    }
}
