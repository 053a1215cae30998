use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;
use tokio_util::sync::CancellationToken;

/// How long the end of a listening waits for the handling that runs.
const END_TIMEOUT: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// The listening whose receiver the current task runs, so that ending it from there does not wait for itself.
    pub(super) static HANDLING: u64;
}

/// The listener of a queue: at most one at a time.
///
/// [`begin`](Self::begin) takes the place at once, so that an [`end`](Self::end) right after it is never lost,
/// and [`Listening::run`] then does the listening.
///
/// The place stays taken until the listening is over, so that a second end waits for it as well.
#[derive(Default)]
pub(crate) struct Listeners {
    active: Mutex<Option<Active>>,
}

#[derive(Clone)]
struct Active {
    id: u64,
    cancelled: CancellationToken,
    done: CancellationToken,
}

/// A place as the listener of a queue, held until it is dropped.
#[must_use = "dropping it ends the listening"]
pub(crate) struct Listening {
    pub(super) id: u64,
    pub(super) cancelled: CancellationToken,
    done: CancellationToken,
}

impl Listeners {
    /// Nobody listens.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the place of the listener.
    ///
    /// # Errors
    /// `ALREADY_LISTENING` (InvalidState) while another has it.
    pub(crate) fn begin(&self, correlation_id: Option<&str>) -> Result<Listening, ApplicationError> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let mut active = self.lock();
        if active.as_ref().is_some_and(|active| !active.done.is_cancelled()) {
            let message = "the queue already has a listener; end that one first";
            return Err(ApplicationError::invalid_state(correlation_id, "ALREADY_LISTENING", message));
        }
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (cancelled, done) = (CancellationToken::new(), CancellationToken::new());
        *active = Some(Active { id, cancelled: cancelled.clone(), done: done.clone() });
        Ok(Listening { id, cancelled, done })
    }

    /// Ends the listening, if there is any. No handling starts after this returns. It waits up to five seconds
    /// for one that runs, unless it is called from there.
    pub(crate) async fn end(&self) {
        let Some(active) = self.lock().clone() else { return };
        active.cancelled.cancel();
        if HANDLING.try_with(|id| *id == active.id) == Ok(true) {
            // The handling goes on; whoever listens next need not wait for it.
            self.release(&active);
        } else if tokio::time::timeout(END_TIMEOUT, active.done.cancelled()).await.is_err() {
            // A handling that takes longer finishes in its own time.
            self.release(&active);
        }
    }

    fn release(&self, ended: &Active) {
        let mut active = self.lock();
        if active.as_ref().is_some_and(|active| active.id == ended.id) {
            *active = None;
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.done.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_listener_is_refused_until_the_first_is_gone() {
        let listeners = Listeners::new();
        let first = listeners.begin(None).unwrap();
        assert_eq!(listeners.begin(Some("c")).err().unwrap().code(), "ALREADY_LISTENING");
        drop(first);
        assert!(listeners.begin(None).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_listening_but_not_for_ever() {
        let listeners = Listeners::new();
        let listening = listeners.begin(None).unwrap();
        let start = tokio::time::Instant::now();
        listeners.end().await;
        assert!(listening.cancelled.is_cancelled());
        assert!(start.elapsed() >= END_TIMEOUT, "{:?}", start.elapsed());
        assert!(listeners.begin(None).is_ok(), "the place is free although the first still runs");
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_end_waits_as_well_and_a_dropped_one_frees_nothing() {
        let listeners = Listeners::new();
        let listening = listeners.begin(None).unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(1), listeners.end()).await.is_err());
        assert_eq!(listeners.begin(None).err().unwrap().code(), "ALREADY_LISTENING");
        assert!(tokio::time::timeout(Duration::from_secs(1), listeners.end()).await.is_err());
        drop(listening);
        listeners.end().await;
        assert!(listeners.begin(None).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_called_by_the_handling_itself_does_not_wait() {
        let listeners = Listeners::new();
        let listening = listeners.begin(None).unwrap();
        let start = tokio::time::Instant::now();
        HANDLING.scope(listening.id, listeners.end()).await;
        assert!(listening.cancelled.is_cancelled());
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
