use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A task that is asked to end when this is dropped.
pub(crate) struct Background {
    asked_to_end: DropGuard,
    task: JoinHandle<()>,
}

impl Background {
    /// Runs a future, which ends soon after the token is cancelled.
    pub(crate) fn spawn<F>(run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let token = CancellationToken::new();
        let task = tokio::spawn(run(token.clone()));
        Self { asked_to_end: token.drop_guard(), task }
    }

    /// Asks the task to end, and waits until it has.
    pub(crate) async fn stop(self) {
        drop(self.asked_to_end);
        // One that panicked has ended too, and the panic was told by its hook.
        let _ = self.task.await;
    }
}
