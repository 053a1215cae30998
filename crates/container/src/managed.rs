use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use pip_services_commons::{
    errors::ApplicationError,
    refer::{Component, Descriptor, IUnreferenceable, cast},
    run::{IOpenable, closable},
};
use tokio::time::timeout;

use crate::caught::{OPEN, caught_async};

/// The code of the error about a component that took too long to close.
const CLOSE_TIMEOUT: &str = "CLOSE_TIMEOUT";

/// A component, and how far it has come.
pub(crate) struct Managed {
    pub(crate) locator: Descriptor,
    /// Its place in the configuration, counted from one.
    pub(crate) entry: Option<usize>,
    pub(crate) component: Arc<dyn Component>,
    /// Whether it is still to be linked, which a factory is more than once.
    pub(crate) to_link: bool,
    /// From before it is linked, so that one whose linking failed lets go of what it has found.
    pub(crate) linked: bool,
    /// From before `open` is called, so that a component whose opening was cancelled, or panicked, is closed.
    pub(crate) opened: bool,
}

/// Why a component did not close.
pub(crate) struct NotClosed {
    pub(crate) error: ApplicationError,
    /// It may still be closing, and keep a thread for it.
    pub(crate) given_up: bool,
}

impl Managed {
    pub(crate) fn new(locator: Descriptor, component: Arc<dyn Component>) -> Self {
        Self { locator, entry: None, component, to_link: true, linked: false, opened: false }
    }

    /// The component's error, as it is but for the details that name the component.
    pub(crate) fn error(&self, error: ApplicationError) -> ApplicationError {
        of_component(&self.locator, self.entry, error)
    }

    pub(crate) async fn open(&mut self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.opened = true;
        let Some(openable) = cast::<dyn IOpenable>(&self.component) else {
            return Ok(());
        };
        let opened = &mut self.opened;
        // After an error it is closed by itself, after a panic it may be half open.
        let open = async move { openable.open(correlation_id).await.inspect_err(|_| *opened = false) };
        caught_async(&OPEN, open).await.map_err(|error| self.error(error))
    }

    /// Closes the component if it was opened. One that takes longer than `limit`, or panics, is given up.
    pub(crate) async fn close(
        &mut self,
        correlation_id: Option<&str>,
        limit: Duration,
    ) -> Result<(), NotClosed> {
        if !std::mem::take(&mut self.opened) {
            return Ok(());
        }
        let Some(closable) = closable(&self.component) else {
            return Ok(());
        };
        // In a task of its own, so that a panic does not keep the others from being closed.
        let for_task = correlation_id.map(str::to_owned);
        let mut task = tokio::spawn(async move { closable.close(for_task.as_deref()).await });
        let (error, given_up) = match timeout(limit, &mut task).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => (error, false),
            Ok(Err(failed)) => {
                let error = ApplicationError::internal(correlation_id, "CLOSE_FAILED", "closing panicked");
                (error.with_cause(failed), false)
            }
            Err(_) => {
                task.abort();
                let message = format!("not closed within {} ms, given up", limit.as_millis());
                (ApplicationError::connection(correlation_id, CLOSE_TIMEOUT, message), true)
            }
        };
        Err(NotClosed { error: self.error(error), given_up })
    }

    /// Lets the component go of the others.
    pub(crate) fn unlink(&mut self) {
        if !std::mem::take(&mut self.linked) {
            return;
        }
        if let Some(unreferenceable) = cast::<dyn IUnreferenceable>(&self.component) {
            // A panic was told by its hook, and must not keep the others from letting go.
            let _ = catch_unwind(AssertUnwindSafe(|| unreferenceable.unset_references()));
        }
    }
}

/// The error with the details that name the component, and its place in the configuration, counted from one.
pub(crate) fn of_component(
    locator: &Descriptor,
    entry: Option<usize>,
    error: ApplicationError,
) -> ApplicationError {
    let error = error.with_details("component", locator);
    match entry {
        Some(entry) => error.with_details("entry", entry),
        None => error,
    }
}

/// Which component an error of [`of_component`] is about, for a person; with its place in the configuration if that is
/// at fault.
pub(crate) fn at_fault(error: &ApplicationError, with_entry: bool) -> Option<String> {
    let component = error.detail("component")?;
    let listed = match error.detail("entry") {
        Some(entry) if with_entry => format!("entry {entry} ({component})"),
        _ => component.to_owned(),
    };
    Some(match error.detail("made") {
        Some(made) => format!("{made}, required by {listed}"),
        None => listed,
    })
}
