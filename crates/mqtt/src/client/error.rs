use std::fmt;

use thiserror::Error;

use crate::transport::TransportError;

/// A failure of the client, mapped once from its own errors.
#[derive(Debug, Clone, Error)]
pub(crate) enum ClientError {
    /// The broker refused the connection for who asked.
    #[error("the broker refused the credentials: {0}")]
    Unauthorized(String),
    /// The broker refused the connection for another reason.
    #[error("the broker refused the connection: {0}")]
    Refused(String),
    /// There is no way to the broker, which has got nothing.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The way to the broker broke behind the first packet, which the broker may have read, or it did not answer to that in time.
    #[error(transparent)]
    Cut(TransportError),
    /// The broker ended the connection behind the first packet, and said nothing.
    #[error("the broker closed the connection without an answer")]
    Unanswered,
    /// The broker refused the request, and says why.
    #[error("the broker refused it: {0}")]
    Reason(Reason),
    /// There is no connection, or it was lost before the answer.
    #[error("the connection is lost")]
    Disconnected,
    /// The broker or the client refused the request.
    #[error("{0}")]
    Failed(String),
}

/// Why a broker refused something, or closed the connection, in version 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: u8,
    /// What the code stands for, and what the broker says to it.
    pub(crate) text: String,
}

impl Reason {
    /// Another client has connected with the same id.
    pub(crate) fn is_takeover(&self) -> bool {
        self.code == 0x8E
    }

    /// Who asks is not allowed to.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self.code, 0x86 | 0x87 | 0x8A | 0x8C)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (0x{:02X})", self.text, self.code)
    }
}
