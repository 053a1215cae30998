use std::{error::Error, fmt};

use pip_services_commons::errors::ApplicationError;

use crate::MessageEnvelope;

/// Why [`receive_as`](crate::IMessageQueueExt::receive_as) gave no value, with the message where one was received
/// whose payload is another, so that it can be settled or kept.
///
/// `?` turns it into an [`ApplicationError`] and lets the message go: a queue with locks delivers it again when its
/// lock expires, from one without it is gone.
#[derive(Debug)]
pub struct ReceiveError(Box<(ApplicationError, Option<MessageEnvelope>)>);

impl ReceiveError {
    pub(super) fn new(error: ApplicationError, envelope: Option<MessageEnvelope>) -> Self {
        Self(Box::new((error, envelope)))
    }

    /// The reason.
    pub fn error(&self) -> &ApplicationError {
        &self.0.0
    }

    /// The message that was received; `None` when there was none.
    pub fn into_envelope(self) -> Option<MessageEnvelope> {
        self.0.1
    }

    /// The reason and the message.
    pub fn into_parts(self) -> (ApplicationError, Option<MessageEnvelope>) {
        *self.0
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), f)
    }
}

impl Error for ReceiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error().source()
    }
}

impl From<ApplicationError> for ReceiveError {
    fn from(error: ApplicationError) -> Self {
        Self::new(error, None)
    }
}

impl From<ReceiveError> for ApplicationError {
    fn from(failed: ReceiveError) -> Self {
        failed.0.0
    }
}
