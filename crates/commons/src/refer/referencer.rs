use std::sync::Arc;

use super::{Component, IReferenceable, IReferences, IUnreferenceable, cast, of_component};
use crate::errors::ApplicationError;

/// Links and unlinks components; ports `Referencer`. Components without the interface are passed over.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::{
///     component,
///     errors::ApplicationError,
///     refer::{IReferenceable, IReferences, References, ReferencesExt, Referencer},
/// };
///
/// struct Cache;
/// component!(Cache);
///
/// struct Shop;
/// component!(Shop: dyn IReferenceable);
///
/// impl IReferenceable for Shop {
///     fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
///         references.get_one_required::<Cache>(&"*:cache:*:*:*".parse()?)?;
///         Ok(())
///     }
/// }
///
/// let error = Referencer::set_references(&References::new(), &[Arc::new(Shop)]).unwrap_err();
/// assert_eq!((error.code(), error.detail("locator")), ("REF_ERROR", Some("*:cache:*:*:*")));
/// assert!(error.message().ends_with("Shop: no component matches *:cache:*:*:*"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Referencer;

impl Referencer {
    /// Calls `set_references` on each component, in order.
    ///
    /// # Errors
    /// The first error ends it; the components linked before stay linked. It has the type of the component that asked
    /// in its message and in the detail `component`.
    pub fn set_references(
        references: &dyn IReferences,
        components: &[Arc<dyn Component>],
    ) -> Result<(), ApplicationError> {
        for component in components {
            let Some(referenceable) = cast::<dyn IReferenceable>(component) else {
                continue;
            };
            referenceable.set_references(references).map_err(|error| of_component(&**component, error))?;
        }
        Ok(())
    }

    /// Calls `unset_references` on each component, in order.
    pub fn unset_references(components: &[Arc<dyn Component>]) {
        components
            .iter()
            .filter_map(cast::<dyn IUnreferenceable>)
            .for_each(|component| component.unset_references());
    }
}
