use std::sync::Arc;

use super::{closable, failures::and};
use crate::{
    errors::ApplicationError,
    refer::{Component, of_component},
};

/// Closes components; ports `Closer`. Components that need no closing are passed over.
#[derive(Debug, Clone, Copy)]
pub struct Closer;

impl Closer {
    /// Closes every component, in the order given, whatever fails. Give them in reverse order of opening.
    ///
    /// # Errors
    /// The first error, with the component's type in the message and in the detail `component`; the others are in its
    /// details as `also.<number>`.
    pub async fn close(
        correlation_id: Option<&str>,
        components: &[Arc<dyn Component>],
    ) -> Result<(), ApplicationError> {
        close_every(correlation_id, components.iter(), Ok(())).await
    }
}

/// Closes every component after what ended with `result`, whose error stays the first.
pub(super) async fn close_every(
    correlation_id: Option<&str>,
    components: impl Iterator<Item = &Arc<dyn Component>>,
    mut result: Result<(), ApplicationError>,
) -> Result<(), ApplicationError> {
    for component in components {
        let Some(closable) = closable(component) else {
            continue;
        };
        let closed = closable.close(correlation_id).await;
        result = and(result, closed.map_err(|error| of_component(&**component, error)));
    }
    result
}
