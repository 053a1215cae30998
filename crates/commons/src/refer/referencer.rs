use std::sync::Arc;

use super::{Component, IReferenceable, IReferences, IUnreferenceable, cast};
use crate::errors::ApplicationError;

/// Links and unlinks components; ports `Referencer`. Components without the interface are passed over.
#[derive(Debug, Clone, Copy)]
pub struct Referencer;

impl Referencer {
    /// Calls `set_references` on each component, in order.
    ///
    /// # Errors
    /// The first error ends it; the components linked before stay linked.
    pub fn set_references(
        references: &dyn IReferences,
        components: &[Arc<dyn Component>],
    ) -> Result<(), ApplicationError> {
        components
            .iter()
            .filter_map(cast::<dyn IReferenceable>)
            .try_for_each(|component| component.set_references(references))
    }

    /// Calls `unset_references` on each component, in order.
    pub fn unset_references(components: &[Arc<dyn Component>]) {
        components
            .iter()
            .filter_map(cast::<dyn IUnreferenceable>)
            .for_each(|component| component.unset_references());
    }
}
