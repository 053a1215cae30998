use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::{IMessageQueue, MessageEnvelope, MessagingCapabilities, SendError};

use crate::suite::broken::{Fault, Inner, Received, Sending, fixture};
use crate::suite::run::{fails, fails_only};

/// Says that it is not open where it has too much to do.
#[derive(Default)]
struct Overwhelmed(AtomicUsize);

#[async_trait]
impl Fault for Overwhelmed {
    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        let others = self.0.fetch_add(1, Ordering::AcqRel);
        tokio::task::yield_now().await;
        let sent = match others >= 50 {
            true => {
                let error = ApplicationError::invalid_state(None, "NOT_OPENED", "it is not open");
                Err(SendError::new(error, envelope))
            }
            false => queue.send(None, envelope).await,
        };
        self.0.fetch_sub(1, Ordering::AcqRel);
        sent
    }
}

#[test]
fn an_error_of_too_many_sends_is_about_that() {
    let problem = "does not tell that it was too many";
    fails_only(fixture::<Overwhelmed>, &[("burst_of_sends_is_all_or_error", problem)]);
}

/// Gives the last message again where there is no other.
#[derive(Default)]
struct GivesAgain(Mutex<Option<MessageEnvelope>>);

#[async_trait]
impl Fault for GivesAgain {
    fn get_capabilities(&self, queue: &Inner) -> MessagingCapabilities {
        MessagingCapabilities { can_clear: false, ..queue.get_capabilities() }
    }

    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        let mut last = self.0.lock().unwrap();
        if received.is_none() {
            return Ok(last.take());
        }
        *last = received.clone();
        Ok(received)
    }
}

#[test]
fn a_walk_tells_at_which_step_something_came_that_was_gone() {
    fails(&fixture::<GivesAgain>(), "model_walk", "came although it does not wait");
}
