//! A component's panic is its failure like any other: the rest is closed, and the error names it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures_util::FutureExt;
use pip_services_commons::errors::ApplicationError;

/// A step of a component's life, and the code of the error where it panics.
pub(crate) struct Step {
    name: &'static str,
    code: &'static str,
}

pub(crate) const CREATE: Step = Step { name: "creating", code: "CANNOT_CREATE" };
pub(crate) const CONFIGURE: Step = Step { name: "configuring", code: "CONFIGURE_FAILED" };
pub(crate) const LINK: Step = Step { name: "linking", code: "LINK_FAILED" };
pub(crate) const OPEN: Step = Step { name: "opening", code: "OPEN_FAILED" };

/// What a step gives, its panic as an error.
pub(crate) fn caught<T>(
    step: &Step,
    call: impl FnOnce() -> Result<T, ApplicationError>,
) -> Result<T, ApplicationError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(step.panicked(&*panic)))
}

/// As [`caught`], for a step that takes its time. Dropping the future drops what it runs.
pub(crate) async fn caught_async<T>(
    step: &Step,
    call: impl Future<Output = Result<T, ApplicationError>>,
) -> Result<T, ApplicationError> {
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|panic| Err(step.panicked(&*panic)))
}

impl Step {
    fn panicked(&self, panic: &(dyn Any + Send)) -> ApplicationError {
        let error = ApplicationError::internal(None, self.code, format!("{} panicked", self.name));
        let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref().map(String::as_str));
        match text {
            Some(text) => error.with_cause(text),
            None => error,
        }
    }
}
