//! Why a broker did not do what it was told.

use crate::Engine;

/// The error of every call of a [`TestBroker`](crate::TestBroker).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// A program of Mosquitto is not on this machine.
    #[error("'{program}' is not installed; run `.ci/install mosquitto`")]
    NotInstalled {
        /// The program that was looked for.
        program: &'static str,
    },

    /// Another process listens on the port.
    #[error("{engine} cannot listen on port {port}: it is in use")]
    PortInUse {
        /// The engine that was started.
        engine: Engine,
        /// The port it was to listen on.
        port: u16,
    },

    /// The broker did not come up.
    #[error("{engine} did not start: {reason}")]
    Start {
        /// The engine that was started.
        engine: Engine,
        /// What it said, with its log where it writes one.
        reason: String,
    },

    /// The broker did not end when it was asked to. It has been killed.
    #[error("{engine} did not stop when it was asked to, and was killed")]
    Stop {
        /// The engine that was stopped.
        engine: Engine,
    },

    /// The engine cannot do this.
    #[error("{engine} does not support '{call}'")]
    Unsupported {
        /// The engine in use.
        engine: Engine,
        /// The method that was called.
        call: &'static str,
    },

    /// The call needs a running broker.
    #[error("the broker is not running")]
    NotRunning,

    /// No connected client has this id.
    #[error("no client '{client_id}' is connected")]
    NoSuchClient {
        /// The id that was asked for.
        client_id: String,
    },

    /// A user name or a password that a password file cannot hold.
    #[error("the user name '{name}' or its password is empty, or has a line break, or the name has a colon")]
    BadUser {
        /// The user name.
        name: String,
    },

    /// The operating system refused something.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The reason.
        source: std::io::Error,
    },
}

impl BrokerError {
    /// For `map_err`: an error of the operating system while doing `action`.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}
