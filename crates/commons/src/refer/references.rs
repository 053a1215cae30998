use std::{
    any::type_name,
    sync::{Arc, PoisonError, RwLock},
};

use super::{Component, Descriptor, cast};
use crate::errors::ApplicationError;

/// A container of components by descriptor; ports `IReferences`.
///
/// This part is object-safe and untyped; [`ReferencesExt`] adds the typed lookups. In a lookup the component
/// put last comes first.
pub trait IReferences: Send + Sync {
    /// Adds a component. Nothing is replaced: several can have the same locator.
    fn put(&self, locator: Descriptor, component: Arc<dyn Component>);

    /// Removes the newest component that matches, and gives it.
    fn remove(&self, locator: &Descriptor) -> Option<Arc<dyn Component>>;

    /// Removes all components that match, and gives them, newest first.
    fn remove_all(&self, locator: &Descriptor) -> Vec<Arc<dyn Component>>;

    /// All locators, oldest first.
    fn get_all_locators(&self) -> Vec<Descriptor>;

    /// All components, oldest first.
    fn get_all(&self) -> Vec<Arc<dyn Component>>;

    /// All components that match, newest first.
    ///
    /// # Errors
    /// `REF_ERROR` when `required` is set and nothing matches.
    fn find(&self, locator: &Descriptor, required: bool)
    -> Result<Vec<Arc<dyn Component>>, ApplicationError>;
}

/// Typed lookups on any [`IReferences`].
///
/// Only components that offer the interface count. A required lookup fails with `REF_ERROR` when nothing
/// matches the locator, and with `REF_WRONG_TYPE` when something does but does not offer the interface.
pub trait ReferencesExt: IReferences {
    /// All components that match and offer `I`, newest first; none is no error.
    fn get_optional<I: ?Sized + 'static>(&self, locator: &Descriptor) -> Vec<Arc<I>> {
        self.find(locator, false).unwrap_or_default().iter().filter_map(cast).collect()
    }

    /// All components that match and offer `I`, newest first, at least one.
    ///
    /// # Errors
    /// `REF_ERROR` or `REF_WRONG_TYPE`.
    fn get_required<I: ?Sized + 'static>(
        &self,
        locator: &Descriptor,
    ) -> Result<Vec<Arc<I>>, ApplicationError> {
        let components = self.find(locator, true)?;
        let typed: Vec<Arc<I>> = components.iter().filter_map(cast).collect();
        if !typed.is_empty() {
            return Ok(typed);
        }
        let found = components.first().map_or("nothing", |component| component.type_name());
        let message = format!("{locator} is {found}, which does not offer {}", type_name::<I>());
        Err(ApplicationError::internal(None, "REF_WRONG_TYPE", message).with_details("locator", locator))
    }

    /// The newest component that matches and offers `I`.
    fn get_one_optional<I: ?Sized + 'static>(&self, locator: &Descriptor) -> Option<Arc<I>> {
        self.find(locator, false).unwrap_or_default().iter().find_map(cast)
    }

    /// The newest component that matches and offers `I`, which must be there.
    ///
    /// # Errors
    /// `REF_ERROR` or `REF_WRONG_TYPE`.
    fn get_one_required<I: ?Sized + 'static>(
        &self,
        locator: &Descriptor,
    ) -> Result<Arc<I>, ApplicationError> {
        self.get_required(locator).map(|mut components| components.swap_remove(0))
    }
}

impl<R: IReferences + ?Sized> ReferencesExt for R {}

/// The references container; ports `References`.
///
/// Its lock is held only while entries are copied out or changed, never while a component's code runs, so
/// that components can look up, add and remove others from within `set_references` and `open`, and when they are
/// dropped.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::{component, refer::{IReferences, References, ReferencesExt}};
///
/// struct Cache { size: usize }
/// component!(Cache);
///
/// let references = References::new();
/// references.put("my-group:cache:memory:small:1.0".parse()?, Arc::new(Cache { size: 10 }));
/// references.put("my-group:cache:memory:large:1.0".parse()?, Arc::new(Cache { size: 1000 }));
///
/// let newest = references.get_one_required::<Cache>(&"*:cache:*:*:*".parse()?)?;
/// assert_eq!(newest.size, 1000);
/// let missing = references.get_one_required::<Cache>(&"*:logger:*:*:*".parse()?);
/// assert_eq!(missing.err().map(|error| error.code().to_owned()), Some("REF_ERROR".to_owned()));
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Default)]
pub struct References {
    entries: RwLock<Vec<Reference>>,
}

struct Reference {
    locator: Descriptor,
    component: Arc<dyn Component>,
}

impl References {
    /// An empty container.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes the newest entry of this very component, whatever its locator, and tells whether there was one.
    pub fn remove_component(&self, component: &Arc<dyn Component>) -> bool {
        self.write(|entries| {
            let newest = entries.iter().rposition(|entry| Arc::ptr_eq(&entry.component, component));
            newest.map(|newest| entries.remove(newest))
        })
        .is_some()
    }

    fn read<T>(&self, read: impl FnOnce(&[Reference]) -> T) -> T {
        read(&self.entries.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The error of a lookup, with what came near: the locators that differ in the fewest fields.
    fn nothing_matches(&self, locator: &Descriptor) -> ApplicationError {
        let error =
            |message| ApplicationError::internal(None, "REF_ERROR", message).with_details("locator", locator);
        let differing: Vec<(usize, String)> = self.read(|entries| {
            let differences =
                |entry: &Reference| (entry.locator.differences(locator), entry.locator.to_string());
            entries.iter().map(differences).collect()
        });
        // What differs in most fields is something else.
        let least = differing.iter().map(|(count, _)| *count).filter(|count| *count <= 2).min();
        let near: Vec<&str> = differing
            .iter()
            .filter(|(count, _)| Some(*count) == least)
            .map(|(_, text)| text.as_str())
            .collect();
        match near.as_slice() {
            [] => error(format!("no component matches {locator}")),
            near => {
                let near = near.join(", ");
                error(format!("no component matches {locator}; near to it is {near}"))
                    .with_details("near", near)
            }
        }
    }

    fn write<T>(&self, write: impl FnOnce(&mut Vec<Reference>) -> T) -> T {
        write(&mut self.entries.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl IReferences for References {
    fn put(&self, locator: Descriptor, component: Arc<dyn Component>) {
        self.write(|entries| entries.push(Reference { locator, component }));
    }

    fn remove(&self, locator: &Descriptor) -> Option<Arc<dyn Component>> {
        self.write(|entries| {
            let newest = entries.iter().rposition(|entry| entry.locator.matches(locator))?;
            Some(entries.remove(newest).component)
        })
    }

    fn remove_all(&self, locator: &Descriptor) -> Vec<Arc<dyn Component>> {
        let mut removed: Vec<_> =
            self.write(|entries| entries.extract_if(.., |entry| entry.locator.matches(locator)).collect());
        removed.reverse();
        removed.into_iter().map(|entry: Reference| entry.component).collect()
    }

    fn get_all_locators(&self) -> Vec<Descriptor> {
        self.read(|entries| entries.iter().map(|entry| entry.locator.clone()).collect())
    }

    fn get_all(&self) -> Vec<Arc<dyn Component>> {
        self.read(|entries| entries.iter().map(|entry| entry.component.clone()).collect())
    }

    fn find(
        &self,
        locator: &Descriptor,
        required: bool,
    ) -> Result<Vec<Arc<dyn Component>>, ApplicationError> {
        let found: Vec<_> = self.read(|entries| {
            let matching = entries.iter().rev().filter(|entry| entry.locator.matches(locator));
            matching.map(|entry| entry.component.clone()).collect()
        });
        if required && found.is_empty() {
            return Err(self.nothing_matches(locator));
        }
        Ok(found)
    }
}
