use std::io;

use thiserror::Error;

/// Why a broker could not be reached, and the parameter that it most likely depends on.
#[derive(Debug, Clone, Error)]
#[error("{what}")]
pub(crate) struct TransportError {
    what: String,
    key: &'static str,
}

impl TransportError {
    pub(super) fn new(what: impl Into<String>, key: &'static str) -> Self {
        Self { what: what.into(), key }
    }

    pub(super) fn unreachable(error: &io::Error) -> Self {
        Self::new(
            format!("no broker answers there: {error} (connection.host, connection.port)"),
            "connection.host",
        )
    }

    /// Nothing came back for so long that it was given up.
    pub(crate) fn silent() -> Self {
        Self::new("no answer came in time (options.connect_timeout)", "options.connect_timeout")
    }

    /// What the end of an open connection says about it: the broker looks at the client's certificate when the
    /// handshake is over for the client.
    pub(crate) fn from_lost(error: &io::Error) -> Option<Self> {
        #[cfg(feature = "tls")]
        return super::tls::explain(error);
        #[cfg(not(feature = "tls"))]
        {
            let _ = error;
            None
        }
    }

    /// The parameter's key.
    pub(crate) fn key(&self) -> &'static str {
        self.key
    }
}
