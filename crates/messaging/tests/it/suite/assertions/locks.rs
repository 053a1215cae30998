use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use pip_services_messaging::{IMessageQueue, MessageEnvelope, MessagingCapabilities};

use crate::suite::broken::{Fault, Inner, Received, Result, fixture};
use crate::suite::run::{fails, fails_only};

/// Renews for ever.
#[derive(Default)]
struct RenewsForEver;

#[async_trait]
impl Fault for RenewsForEver {
    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, _: Duration) -> Result<()> {
        queue.renew_lock(envelope, Duration::from_secs(3600)).await
    }
}

/// Takes a message from its holder when a former one wants to renew its lock.
#[derive(Default)]
struct RenewalSteals(Mutex<Option<MessageEnvelope>>);

#[async_trait]
impl Fault for RenewalSteals {
    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        if let Some(envelope) = &received {
            *self.0.lock().unwrap() = Some(envelope.clone());
        }
        Ok(received)
    }

    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, wait: Duration) -> Result<()> {
        let renewed = queue.renew_lock(envelope, wait).await;
        let held = self.0.lock().unwrap().take();
        if let (Err(_), Some(held)) = (&renewed, held) {
            // It expires at once.
            queue.renew_lock(&held, Duration::ZERO).await?;
        }
        renewed
    }
}

#[test]
fn a_renewed_lock_ends_and_a_lost_one_takes_nothing_from_its_new_holder() {
    let case = "renew_lock_extends";
    let never = "the message did not come back after its renewed lock had expired";
    fails_only(fixture::<RenewsForEver>, &[(case, never)]);
    fails(&fixture::<RenewalSteals>(), case, "complete failed after a former holder's renewal: LOCK_LOST");
}

/// Lets a former holder complete what another holds, in a queue that cannot abandon.
#[derive(Default)]
struct CompletesForFormer(Mutex<Vec<MessageEnvelope>>);

#[async_trait]
impl Fault for CompletesForFormer {
    fn get_capabilities(&self, queue: &Inner) -> MessagingCapabilities {
        MessagingCapabilities { can_abandon: false, ..queue.get_capabilities() }
    }

    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        let received = queue.receive(None, wait).await?;
        self.0.lock().unwrap().extend(received.clone());
        Ok(received)
    }

    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        let id = envelope.message_id.clone();
        let held = self.0.lock().unwrap().iter().rfind(|held| held.message_id == id).cloned();
        envelope.set_reference(None);
        queue.complete(&mut held.unwrap_or_else(|| envelope.clone())).await
    }
}

#[test]
fn what_a_former_holder_completed_is_still_there_also_where_nothing_can_be_abandoned() {
    let gone = "the message is gone: its former holder could settle it";
    fails(&fixture::<CompletesForFormer>(), "lock_expiry_redelivers", gone);
}
