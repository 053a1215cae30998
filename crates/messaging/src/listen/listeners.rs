use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long the end of a listening waits for the handlings that run, where nothing else is said.
pub(crate) const END_TIMEOUT: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// The listening whose receiver the current task runs, so that ending it from there does not wait for itself.
    pub(super) static HANDLING: Arc<Active>;
}

/// The listener of a queue: at most one at a time.
///
/// [`begin`](Self::begin) takes the place at once, so that an [`end`](Self::end) right after it is never lost,
/// and [`Listening::run`] then does the listening.
///
/// The place stays taken until the listening is over, so that a second end waits for it as well.
#[derive(Default)]
pub(crate) struct Listeners {
    active: Mutex<Option<Arc<Active>>>,
}

/// A listening to be ended, if there was any.
pub(crate) struct Begun(Option<Arc<Active>>);

/// A listening, as those see it who end it.
pub(super) struct Active {
    handlings: watch::Sender<Handlings>,
    /// The listening is over.
    done: CancellationToken,
}

#[derive(Default)]
struct Handlings {
    /// No more may start.
    ended: bool,
    /// It ends when there is no message.
    finishing: bool,
    running: usize,
    /// How many of those that run wait for the end themselves.
    ending: usize,
}

/// A place as the listener of a queue, held until it is dropped.
#[must_use = "dropping it ends the listening"]
pub(crate) struct Listening {
    active: Arc<Active>,
    /// How many handlings may run at once.
    pub(super) concurrency: usize,
}

/// A handling that runs, until it is dropped.
pub(super) struct Running(Arc<Active>);

/// A handling that waits for the end of its listening, until it is dropped.
struct Ending<'a>(&'a Active);

impl Listeners {
    /// Nobody listens.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Active>>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the place of the listener.
    ///
    /// # Errors
    /// `ALREADY_LISTENING` (InvalidState) while another has it.
    pub(crate) fn begin(
        &self,
        correlation_id: Option<&str>,
        concurrency: usize,
    ) -> Result<Listening, ApplicationError> {
        let mut active = self.lock();
        if active.as_ref().is_some_and(|active| !active.done.is_cancelled()) {
            let message = "the queue already has a listener; end that one first";
            return Err(ApplicationError::invalid_state(correlation_id, "ALREADY_LISTENING", message));
        }
        let begun = Arc::new(Active { handlings: watch::Sender::default(), done: CancellationToken::new() });
        *active = Some(begun.clone());
        Ok(Listening { active: begun, concurrency })
    }

    /// The listening that there is now.
    pub(crate) fn begun(&self) -> Begun {
        Begun(self.lock().clone())
    }

    /// Ends that listening, and none that began later. No handling starts after this returns. It waits up to
    /// `limit` for those that run. Called from one of them, it waits for the others, but for those that wait as well.
    ///
    /// Gives how many take longer, which finish in their own time. Of several that end the same listening, only the first
    /// one to give up gives them.
    pub(crate) async fn end(&self, begun: Begun, limit: Duration) -> usize {
        let Some(active) = begun.0 else { return 0 };
        active.end();
        let is_inside = is_inside(&active);
        let over = async {
            match is_inside {
                true => active.others_are_done().await,
                false => active.done.cancelled().await,
            }
        };
        let is_over = timeout(limit, over).await.is_ok();
        // Whoever listens next need not wait for what still runs.
        match self.release(&active) {
            true if !is_over => active.left(is_inside),
            _ => 0,
        }
    }

    /// Has that listening end as soon as it finds no message, and waits up to `limit` for that and for all its handlings. From one
    /// of them it does nothing, as that would wait for itself.
    pub(crate) async fn finish(&self, begun: Begun, limit: Duration) {
        let Some(active) = begun.0.filter(|active| !is_inside(active)) else { return };
        active.handlings.send_modify(|handlings| handlings.finishing = true);
        let _ = timeout(limit, active.done.cancelled()).await;
    }

    /// Frees the place of that listening. False: it was free, or is another's.
    fn release(&self, ended: &Arc<Active>) -> bool {
        let mut active = self.lock();
        let is_there = active.as_ref().is_some_and(|active| Arc::ptr_eq(active, ended));
        if is_there {
            *active = None;
        }
        is_there
    }
}

/// Whether this runs in a handling of that listening.
fn is_inside(active: &Arc<Active>) -> bool {
    HANDLING.try_with(|handling| Arc::ptr_eq(handling, active)) == Ok(true)
}

impl Drop for Listeners {
    /// The queue is gone.
    fn drop(&mut self) {
        if let Some(active) = &*self.lock() {
            active.end();
        }
    }
}

impl Active {
    fn end(&self) {
        self.handlings.send_modify(|handlings| handlings.ended = true);
    }

    /// How many run whose end nobody waits for any more. Asked from within one of them, that one does not count, nor do others
    /// that still wait for the end.
    fn left(&self, is_inside: bool) -> usize {
        let handlings = self.handlings.borrow();
        match is_inside {
            true => handlings.running.saturating_sub(1 + handlings.ending),
            false => handlings.running,
        }
    }

    /// Waits, from within a handling, until all that run wait here.
    async fn others_are_done(&self) {
        self.handlings.send_modify(|handlings| handlings.ending += 1);
        let _ending = Ending(self);
        let mut handlings = self.handlings.subscribe();
        // It fails without a sender, which is here.
        let _ = handlings.wait_for(|handlings| handlings.running <= handlings.ending).await;
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.handlings.send_modify(|handlings| handlings.ending -= 1);
    }
}

impl Listening {
    /// Waits until it is ended.
    pub(super) async fn ended(&self) {
        // It fails without a sender, which is here.
        let _ = self.active.handlings.subscribe().wait_for(|handlings| handlings.ended).await;
    }

    /// Waits until it is to end where there is no message.
    pub(super) async fn finishing(&self) {
        // It fails without a sender, which is here.
        let _ = self.active.handlings.subscribe().wait_for(|handlings| handlings.finishing).await;
    }

    /// Lets a handling start, unless it is ended.
    pub(super) fn start(&self) -> Option<Running> {
        let mut started = false;
        self.active.handlings.send_if_modified(|handlings| {
            started = !handlings.ended;
            handlings.running += usize::from(started);
            // Nobody waits for more to run.
            false
        });
        started.then(|| Running(self.active.clone()))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.active.done.cancel();
    }
}

impl Running {
    /// The listening that it is of.
    pub(super) fn of(&self) -> Arc<Active> {
        self.0.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.handlings.send_if_modified(|handlings| {
            handlings.running -= 1;
            handlings.ending > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(listeners: &Listeners) -> Listening {
        listeners.begin(None, 10).unwrap()
    }

    async fn end(listeners: &Listeners) {
        listeners.end(listeners.begun(), END_TIMEOUT).await;
    }

    fn is_ended(listening: &Listening) -> bool {
        listening.active.handlings.borrow().ended
    }

    #[tokio::test]
    async fn a_second_listener_is_refused_until_the_first_is_gone() {
        let listeners = Listeners::new();
        let first = listening(&listeners);
        assert_eq!(listeners.begin(Some("c"), 1).err().unwrap().code(), "ALREADY_LISTENING");
        drop(first);
        assert!(listeners.begin(None, 1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_listening_but_not_for_ever() {
        let listeners = Listeners::new();
        let listening = listening(&listeners);
        let start = tokio::time::Instant::now();
        end(&listeners).await;
        assert!(is_ended(&listening));
        assert!(start.elapsed() >= END_TIMEOUT, "{:?}", start.elapsed());
        assert!(listeners.begin(None, 1).is_ok(), "the place is free although the first still runs");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_no_longer_than_it_is_told_and_frees_the_place() {
        let listeners = Listeners::new();
        let _listening = listening(&listeners);
        let second = Duration::from_secs(1);
        timeout(2 * second, listeners.end(listeners.begun(), second)).await.unwrap();
        assert!(listeners.begin(None, 1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_end_waits_as_well_and_a_dropped_one_frees_nothing() {
        let listeners = Listeners::new();
        let listening = listening(&listeners);
        assert!(timeout(Duration::from_secs(1), end(&listeners)).await.is_err());
        assert_eq!(listeners.begin(None, 1).err().unwrap().code(), "ALREADY_LISTENING");
        assert!(timeout(Duration::from_secs(1), end(&listeners)).await.is_err());
        drop(listening);
        end(&listeners).await;
        assert!(listeners.begin(None, 1).is_ok());
    }

    #[tokio::test]
    async fn the_end_of_one_listening_does_not_end_the_next() {
        let listeners = Listeners::new();
        let former = listening(&listeners);
        let begun = listeners.begun();
        drop(former);
        let next = listening(&listeners);
        listeners.end(begun, END_TIMEOUT).await;
        assert!(next.start().is_some());
        assert_eq!(listeners.begin(None, 1).err().unwrap().code(), "ALREADY_LISTENING");
    }

    #[tokio::test]
    async fn nothing_starts_once_it_is_ended() {
        let listeners = Listeners::new();
        let listening = listening(&listeners);
        let running = listening.start();
        assert!(running.is_some());
        // It ends with the queue.
        drop(listeners);
        assert!(listening.start().is_none());
        listening.ended().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_finish_waits_for_the_listening_ends_no_handling_and_keeps_the_place() {
        let listeners = Listeners::new();
        let listening = listening(&listeners);
        let second = Duration::from_secs(1);
        let start = tokio::time::Instant::now();
        listeners.finish(listeners.begun(), second).await;
        assert!(start.elapsed() >= second);
        listening.finishing().await;
        assert!(listening.start().is_some(), "it goes on");
        assert_eq!(listeners.begin(None, 1).err().unwrap().code(), "ALREADY_LISTENING");
        drop(listening);
        listeners.finish(listeners.begun(), Duration::MAX).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_finish_called_by_a_handling_does_nothing() {
        let listeners = Listeners::new();
        let listening = listening(&listeners);
        let running = listening.start().unwrap();
        HANDLING.scope(running.of(), listeners.finish(listeners.begun(), Duration::MAX)).await;
        assert!(!listening.active.handlings.borrow().finishing);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_called_by_the_only_handling_does_not_wait() {
        let listeners = Listeners::new();
        let listening = listening(&listeners);
        let running = listening.start().unwrap();
        let start = tokio::time::Instant::now();
        HANDLING.scope(running.of(), end(&listeners)).await;
        assert!(is_ended(&listening));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_called_by_a_handling_waits_for_the_others_and_for_none_that_calls_it_as_well() {
        let listeners = Listeners::new();
        let listening = listening(&listeners);
        let start = tokio::time::Instant::now();
        let second = Duration::from_secs(1);
        let [busy, one, other] = [(); 3].map(|()| listening.start().unwrap());
        let busy = async {
            let _running = busy;
            tokio::time::sleep(second).await;
        };
        let ending = async |running: Running| {
            HANDLING.scope(running.of(), end(&listeners)).await;
            assert_eq!(start.elapsed().as_secs(), 1, "it waits for the busy one and for nobody else");
        };
        tokio::join!(busy, ending(one), ending(other));
        assert_eq!(start.elapsed().as_secs(), 1);
        assert!(listeners.begin(None, 1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_a_handling_has_given_up_counts_no_more() {
        let listeners = Listeners::new();
        let listening = listening(&listeners);
        let (one, other) = (listening.start().unwrap(), listening.start().unwrap());
        let given_up = HANDLING.scope(one.of(), timeout(Duration::from_secs(1), end(&listeners)));
        assert!(given_up.await.is_err());
        let waiting = HANDLING.scope(other.of(), timeout(Duration::from_secs(1), end(&listeners)));
        assert!(waiting.await.is_err(), "the first still runs, and does not wait");
    }
}
