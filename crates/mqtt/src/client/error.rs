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
    /// There is no way to the broker.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// There is no connection, or it was lost before the answer.
    #[error("the connection is lost")]
    Disconnected,
    /// The broker or the client refused the request.
    #[error("{0}")]
    Failed(String),
}
