use std::{error::Error, fmt};

use pip_services_commons::errors::ApplicationError;

use super::SendError;
use crate::MessageEnvelope;

/// Which messages of a batch were not sent, and why; see
/// [`send_batch`](crate::IMessageQueueExt::send_batch).
///
/// `?` turns it into the [`ApplicationError`] of the first one where the messages are not needed any more.
#[derive(Debug)]
pub struct SendBatchError {
    first: ApplicationError,
    failed: Vec<SendError>,
    unattempted: Vec<MessageEnvelope>,
}

impl SendBatchError {
    /// The error about the failed ones, of which there is at least one, and those that came after.
    pub(super) fn new(failed: Vec<SendError>, unattempted: Vec<MessageEnvelope>) -> Option<Self> {
        let first = failed.first()?.error().clone();
        Some(Self { first, failed, unattempted })
    }

    /// Why the first of them was not sent.
    pub fn error(&self) -> &ApplicationError {
        &self.first
    }

    /// The messages whose sending failed, each with the reason, in the order of the batch.
    pub fn failed(&self) -> &[SendError] {
        &self.failed
    }

    /// The messages that were not tried after a failure, in the order of the batch.
    pub fn unattempted(&self) -> &[MessageEnvelope] {
        &self.unattempted
    }

    /// All messages that were not sent, as they were given and in the order of the batch, to be sent again.
    pub fn into_envelopes(self) -> Vec<MessageEnvelope> {
        self.failed.into_iter().map(SendError::into_envelope).chain(self.unattempted).collect()
    }

    /// The failed ones and those that were not tried.
    pub fn into_parts(self) -> (Vec<SendError>, Vec<MessageEnvelope>) {
        (self.failed, self.unattempted)
    }
}

impl fmt::Display for SendBatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.failed.len() + self.unattempted.len();
        write!(f, "{count} messages of a batch were not sent: {}", self.first)
    }
}

impl Error for SendBatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.first)
    }
}

impl From<SendBatchError> for ApplicationError {
    fn from(failed: SendBatchError) -> Self {
        failed.first
    }
}
