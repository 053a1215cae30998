use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::run::ICleanable;
use pip_services_messaging::{IMessageQueue, MessageEnvelope};

use super::{
    broken::{Fault, Inner, Received, Receiver, Result, fixture},
    run::fails_only,
};

/// Locks what is peeked.
#[derive(Default)]
struct LockingPeek;

#[async_trait]
impl Fault for LockingPeek {
    async fn peek(&self, queue: &Inner) -> Received {
        let mut received = queue.receive(None, Duration::ZERO).await?;
        if let Some(envelope) = &mut received {
            queue.abandon(&mut envelope.clone()).await?;
        }
        Ok(received)
    }
}

#[test]
fn a_peek_that_locks_fails_the_case_about_that() {
    let expected = [
        ("peek_leaves_message", "the peeked message has a lock"),
        // It puts what it peeks at the end.
        ("model_walk", "came before"),
    ];
    fails_only(fixture::<LockingPeek>, &expected);
}

/// Gives all that it has, however much is asked for.
#[derive(Default)]
struct Generous;

#[async_trait]
impl Fault for Generous {
    async fn peek_batch(&self, queue: &Inner, _: usize) -> Result<Vec<MessageEnvelope>> {
        queue.peek_batch(None, 100).await
    }
}

#[test]
fn a_batch_without_bounds_fails_the_case_about_that() {
    let problem = "peek_batch of 0 gave 5 of 5 messages";
    fails_only(fixture::<Generous>, &[("peek_batch_is_bounded", problem)]);
}

/// Counts what is locked as well.
#[derive(Default)]
struct CountsAll(AtomicUsize);

#[async_trait]
impl Fault for CountsAll {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        self.0.fetch_add(usize::from(received.is_some()), Ordering::AcqRel);
        Ok(received)
    }

    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        let locked = envelope.get_reference().is_some();
        queue.complete(envelope).await?;
        self.0.fetch_sub(usize::from(locked), Ordering::AcqRel);
        Ok(())
    }

    async fn read_message_count(&self, queue: &Inner) -> Result<u64> {
        Ok(queue.read_message_count().await? + self.0.load(Ordering::Acquire) as u64)
    }
}

#[test]
fn a_count_of_what_is_locked_fails_the_cases_that_count_while_they_hold_a_message() {
    let expected = [
        ("message_count_tracks", "after a receive: 5 messages wait"),
        ("clear_empties_all", "2 messages wait after clear"),
        ("model_walk", "Count: "),
    ];
    fails_only(fixture::<CountsAll>, &expected);
}

/// Clears what waits and not what is locked.
#[derive(Default)]
struct ClearsWhatWaits;

#[async_trait]
impl Fault for ClearsWhatWaits {
    async fn clear(&self, queue: &Inner) -> Result<()> {
        while let Some(mut envelope) = queue.receive(None, Duration::ZERO).await? {
            queue.complete(&mut envelope).await?;
        }
        Ok(())
    }
}

#[test]
fn a_clear_that_forgets_what_is_locked_fails_the_case_about_that() {
    let problem = "came after a clear";
    fails_only(fixture::<ClearsWhatWaits>, &[("clear_empties_all", problem)]);
}

/// Ends the listening when it clears.
#[derive(Default)]
struct ClearStopsListener;

#[async_trait]
impl Fault for ClearStopsListener {
    async fn clear(&self, queue: &Inner) -> Result<()> {
        queue.end_listen(None).await;
        queue.clear(None).await
    }
}

/// Begins to listen again when it clears, as the reference implementations do.
#[derive(Default)]
struct ClearListens(Mutex<Option<Receiver>>);

#[async_trait]
impl Fault for ClearListens {
    fn begin_listen(&self, queue: &Inner, receiver: Receiver) -> Result<()> {
        queue.clone().begin_listen(None, receiver.clone())?;
        *self.0.lock().unwrap() = Some(receiver);
        Ok(())
    }

    async fn clear(&self, queue: &Inner) -> Result<()> {
        queue.clear(None).await?;
        if let Some(receiver) = self.0.lock().unwrap().clone() {
            let _ = queue.clone().begin_listen(None, receiver);
        }
        Ok(())
    }
}

#[test]
fn a_clear_that_touches_the_listener_fails_the_case_about_that() {
    let case = "clear_does_not_touch_listener";
    fails_only(fixture::<ClearStopsListener>, &[(case, "clear stopped the listener: ")]);
    fails_only(fixture::<ClearListens>, &[(case, "clear brought the listener back: ")]);
}
