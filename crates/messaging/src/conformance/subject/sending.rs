use pip_services_commons::errors::ApplicationError;
use tokio::task::JoinSet;

use super::{Sent, Subject};
use crate::{
    MessageEnvelope,
    conformance::{case::CaseResult, pace::WATCHDOG},
};

impl Subject {
    /// Sends a new message.
    pub(in crate::conformance) async fn send(&self, label: &str) -> CaseResult<Sent> {
        self.send_envelope(label, self.case.envelope(label)).await
    }

    /// Sends messages whose labels are these numbers, one after another.
    pub(in crate::conformance) async fn send_numbered(
        &self,
        numbers: impl IntoIterator<Item = usize>,
    ) -> CaseResult<Vec<Sent>> {
        let mut sent = Vec::new();
        for number in numbers {
            sent.push(self.send(&number.to_string()).await?);
        }
        Ok(sent)
    }

    /// Sends a new message where the queue may refuse it.
    pub(in crate::conformance) async fn try_send(
        &self,
        label: &str,
    ) -> CaseResult<Result<Sent, ApplicationError>> {
        let envelope = self.case.envelope(label);
        let entry = self.case.ledger().attempt(&self.destination, label, &envelope);
        let what = format!("send of '{label}'");
        let sending = self.queue.send(None, envelope.clone());
        Ok(match self.case.within(WATCHDOG, &what, sending).await? {
            Ok(()) => {
                self.case.ledger().acknowledge(entry);
                Ok(Sent { envelope, entry, label: label.to_owned() })
            }
            Err(failed) => Err(failed.into()),
        })
    }

    /// Sends by several tasks at once, each so many messages.
    pub(in crate::conformance) async fn send_from_tasks(&self, tasks: usize, each: usize) -> CaseResult {
        let mut sending = JoinSet::new();
        for task in 0..tasks {
            let subject = self.clone();
            sending.spawn(async move {
                for number in 0..each {
                    subject.send(&format!("{number} of task {task}")).await?;
                }
                Ok(())
            });
        }
        join(sending).await
    }

    /// Sends the given message.
    pub(in crate::conformance) async fn send_envelope(
        &self,
        label: &str,
        envelope: MessageEnvelope,
    ) -> CaseResult<Sent> {
        let sending = self.queue.send(None, envelope.clone());
        self.send_by(sending, label, envelope).await
    }

    /// Sends a message by `sending`, which sends what `envelope` has.
    pub(in crate::conformance) async fn send_by<E: Into<ApplicationError>>(
        &self,
        sending: impl Future<Output = Result<(), E>>,
        label: &str,
        envelope: MessageEnvelope,
    ) -> CaseResult<Sent> {
        let entry = self.case.ledger().attempt(&self.destination, label, &envelope);
        self.case.ok(&format!("send of '{label}'"), sending).await?;
        self.case.ledger().acknowledge(entry);
        Ok(Sent { envelope, entry, label: label.to_owned() })
    }
}

/// Waits for all tasks, and gives the first failure.
pub(in crate::conformance) async fn join(mut tasks: JoinSet<CaseResult>) -> CaseResult {
    while let Some(task) = tasks.join_next().await {
        task.map_err(|error| error.to_string())??;
    }
    Ok(())
}
