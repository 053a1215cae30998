use std::sync::Arc;

use async_trait::async_trait;
use pip_services_messaging::{IMessageQueue, IMessageReceiver, MemoryMessageQueue, MessageEnvelope};

use super::wrong;
use crate::suite::broken::{Broken, Fault, Inner, Receiver, Result};
use crate::suite::run::fails;

/// Gives the receiver another queue than its own.
struct GivesOther(fn(&Inner) -> Arc<dyn IMessageQueue>);

/// A receiver with a queue to give to it.
struct WithOther(Arc<dyn IMessageQueue>, Receiver);

#[async_trait]
impl IMessageReceiver for WithOther {
    async fn receive_message(&self, envelope: MessageEnvelope, _: &dyn IMessageQueue) -> Result<()> {
        self.1.receive_message(envelope, &*self.0).await
    }
}

impl Fault for GivesOther {
    fn receiver(&self, queue: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(Arc::new(WithOther((self.0)(queue), receiver)))
    }
}

/// Cannot complete.
#[derive(Default)]
struct Stubborn;

#[async_trait]
impl Fault for Stubborn {
    async fn complete(&self, _: &Inner, _: &mut MessageEnvelope) -> Result<()> {
        Err(wrong())
    }
}

/// Does not close.
#[derive(Default)]
struct StaysOpen;

#[async_trait]
impl Fault for StaysOpen {
    async fn close(&self, _: &Inner) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_receiver_gets_its_own_queue_as_it_is() {
    let gives = |other| Broken::fixture(move || GivesOther(other));
    let case = "listener_receives";
    let elsewhere = gives(|_| Arc::new(MemoryMessageQueue::new("elsewhere")));
    fails(&elsewhere, case, "the receiver got the queue 'elsewhere' instead of");
    let closed = gives(|queue| Arc::new(MemoryMessageQueue::new(&queue.get_name())));
    fails(&closed, case, "the receiver got a queue that is not open");
    let stubborn = gives(|queue| Arc::new(Broken::over(queue.clone(), Stubborn)));
    fails(&stubborn, case, "complete failed in the receiver: WRONG");
    let open = gives(|queue| Arc::new(Broken::over(queue.clone(), StaysOpen)));
    fails(&open, "receiver_may_use_queue", "the queue is open after close in the receiver");
    fails(&closed, "receiver_may_use_queue", "send failed in the receiver: NOT_OPENED");
}
