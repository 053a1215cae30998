use std::sync::Arc;

use super::{IOpenable, closer::close_every};
use crate::{
    errors::ApplicationError,
    refer::{Component, cast, of_component},
};

/// Opens components; ports `Opener`. Components that need no opening are passed over.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::{component, refer::Component, run::{Closer, Opener}};
///
/// struct Plain;
/// component!(Plain);
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut components: Vec<Arc<dyn Component>> = vec![Arc::new(Plain)];
/// Opener::open(Some("123"), &components).await?;
/// assert!(Opener::is_open(&components));
///
/// components.reverse();
/// Closer::close(Some("123"), &components).await
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Opener;

impl Opener {
    /// Whether all components that can be open are.
    pub fn is_open(components: &[Arc<dyn Component>]) -> bool {
        components.iter().filter_map(cast::<dyn IOpenable>).all(|openable| openable.is_open())
    }

    /// Opens each component, in order. At the first failure those opened before are closed, in reverse.
    ///
    /// # Errors
    /// The error of the component that did not open, with its type in the message and in the detail `component`;
    /// those of closing are in its details as `also.<number>`.
    pub async fn open(
        correlation_id: Option<&str>,
        components: &[Arc<dyn Component>],
    ) -> Result<(), ApplicationError> {
        for (index, component) in components.iter().enumerate() {
            let Some(openable) = cast::<dyn IOpenable>(component) else {
                continue;
            };
            if let Err(error) = openable.open(correlation_id).await {
                let failed = Err(of_component(&**component, error));
                return close_every(correlation_id, components[..index].iter().rev(), failed).await;
            }
        }
        Ok(())
    }
}
