use pip_services_commons::errors::ApplicationError;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the process to stop: SIGINT and SIGTERM.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on, instead of the system's ending the process.
    pub(crate) fn new() -> Result<Self, ApplicationError> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let message = "cannot listen to signals";
                ApplicationError::internal(None, "SIGNAL_FAILED", message).with_cause(error)
            })
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Ends when a signal came since the last call.
    pub(crate) async fn stopped(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
