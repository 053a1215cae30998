use std::sync::Arc;

use super::IClosable;
use crate::{
    errors::ApplicationError,
    refer::{Component, cast},
};

/// Closes components; ports `Closer`. Components that need no closing are passed over.
#[derive(Debug, Clone, Copy)]
pub struct Closer;

impl Closer {
    /// Closes every component, in the order given, whatever fails. Give them in reverse order of opening.
    ///
    /// # Errors
    /// The first error; the others are in its details as `also.<number>`.
    pub async fn close(
        correlation_id: Option<&str>,
        components: &[Arc<dyn Component>],
    ) -> Result<(), ApplicationError> {
        let mut first: Option<ApplicationError> = None;
        let mut others = 0;
        for closable in components.iter().filter_map(cast::<dyn IClosable>) {
            let Err(error) = closable.close(correlation_id).await else {
                continue;
            };
            first = Some(match first {
                None => error,
                Some(first) => {
                    others += 1;
                    first.with_details(format!("also.{others}"), format!("{error:#}"))
                }
            });
        }
        first.map_or(Ok(()), Err)
    }
}
