use tokio::time::{Instant, sleep};

use super::Subject;
use crate::{
    MessageEnvelope,
    conformance::{
        case::{CaseResult, ensure},
        pace::{POLL, QUIET},
    },
};

impl Subject {
    /// The message at the head, if it is of this run.
    pub(in crate::conformance) async fn peek(&self) -> CaseResult<Option<MessageEnvelope>> {
        let peeked = self.case.ok("peek", self.queue.peek(None)).await?;
        Ok(peeked.filter(|envelope| self.case.ledger().is_of_this_run(envelope)))
    }

    /// The message at the head, once there is one.
    pub(in crate::conformance) async fn peek_waiting(&self) -> CaseResult<MessageEnvelope> {
        let patience = self.case.patience();
        let deadline = Instant::now() + patience;
        loop {
            if let Some(envelope) = self.peek().await? {
                return Ok(envelope);
            }
            ensure!(Instant::now() < deadline, "peek found no message within {patience:?}");
            sleep(POLL).await;
        }
    }

    /// Waits until so many messages are there to be taken, as far as the queue can tell.
    pub(in crate::conformance) async fn wait_for_waiting(&self, count: usize) -> CaseResult {
        let capabilities = self.capabilities();
        if !(capabilities.can_message_count || capabilities.can_peek_batch) {
            sleep(QUIET).await;
            return Ok(());
        }
        let patience = self.case.patience();
        let deadline = Instant::now() + patience;
        loop {
            let waiting = match capabilities.can_message_count {
                true => self.count().await?,
                false => self.case.ok("peek_batch", self.queue.peek_batch(None, count + 1)).await?.len(),
            };
            if waiting == count {
                return Ok(());
            }
            if Instant::now() >= deadline {
                if waiting > count {
                    self.case.ledger().note_surplus();
                }
                return Err(format!("{waiting} messages wait after {patience:?}, and {count} should"));
            }
            sleep(POLL).await;
        }
    }

    /// How many messages wait.
    pub(in crate::conformance) async fn count(&self) -> CaseResult<usize> {
        let count = self.case.ok("read_message_count", self.queue.read_message_count()).await?;
        usize::try_from(count).map_err(|_| format!("read_message_count gave {count}"))
    }
}
