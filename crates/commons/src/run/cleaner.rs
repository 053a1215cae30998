use std::sync::Arc;

use super::{ICleanable, failures::and};
use crate::{
    errors::ApplicationError,
    refer::{Component, cast, of_component},
};

/// Wipes the data of components; ports `Cleaner`. Components that hold none are passed over.
#[derive(Debug, Clone, Copy)]
pub struct Cleaner;

impl Cleaner {
    /// Clears every component, in the order given, whatever fails.
    ///
    /// # Errors
    /// The first error, with the component's type in the message and in the detail `component`; the others are in its
    /// details as `also.<number>`.
    pub async fn clear(
        correlation_id: Option<&str>,
        components: &[Arc<dyn Component>],
    ) -> Result<(), ApplicationError> {
        let mut result = Ok(());
        for component in components {
            let Some(cleanable) = cast::<dyn ICleanable>(component) else {
                continue;
            };
            let cleared = cleanable.clear(correlation_id).await;
            result = and(result, cleared.map_err(|error| of_component(&**component, error)));
        }
        result
    }
}
