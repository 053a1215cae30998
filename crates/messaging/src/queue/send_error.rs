use std::{error::Error, fmt};

use pip_services_commons::errors::ApplicationError;

use crate::MessageEnvelope;

/// Why a message was not sent, with the message, so that it can be sent again.
///
/// `?` turns it into an [`ApplicationError`] where the message is not needed any more.
///
/// ```
/// use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let closed = MemoryMessageQueue::new("orders");
/// let failed = closed.send(None, MessageEnvelope::new(None, "order", "one pizza")).await.unwrap_err();
/// assert_eq!(failed.error().code(), "NOT_OPENED");
/// let envelope = failed.into_envelope();
/// assert_eq!(envelope.get_message_as_string().as_deref(), Some("one pizza"));
/// # }
/// ```
#[derive(Debug)]
pub struct SendError(Box<(ApplicationError, MessageEnvelope)>);

impl SendError {
    /// An error about a message that was not sent.
    pub fn new(error: ApplicationError, envelope: MessageEnvelope) -> Self {
        Self(Box::new((error, envelope)))
    }

    /// The reason.
    pub fn error(&self) -> &ApplicationError {
        &self.0.0
    }

    /// The message as it was given to `send`.
    pub fn into_envelope(self) -> MessageEnvelope {
        self.0.1
    }

    /// The reason and the message.
    pub fn into_parts(self) -> (ApplicationError, MessageEnvelope) {
        *self.0
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), f)
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error().source()
    }
}

impl From<SendError> for ApplicationError {
    fn from(failed: SendError) -> Self {
        failed.0.0
    }
}
