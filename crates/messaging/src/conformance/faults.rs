use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;

use super::QueueContext;
use crate::IMessageQueue;

/// What goes wrong with a broker, for the cases about faults.
///
/// Each method is a hook that its case calls, and is not offered unless it is written: a case that needs it then
/// does not run, and says so. The queues that the fixture makes for these cases, which
/// [`QueueContext::breaks_broker`] tells, have to use the broker and the network that the hooks act on.
///
/// ```
/// use async_trait::async_trait;
/// use pip_services_messaging::conformance::{FaultError, FaultInjector};
///
/// struct Broker { /* a child process, say */ }
/// # impl Broker { fn stop(&self) -> std::io::Result<()> { Ok(()) } fn start(&self) -> std::io::Result<()> { Ok(()) } }
///
/// #[async_trait]
/// impl FaultInjector for Broker {
///     async fn restart_broker(&self) -> Result<(), FaultError> {
///         self.stop()?;
///         Ok(self.start()?)
///     }
/// }
/// ```
#[async_trait]
pub trait FaultInjector: Send + Sync {
    /// Ends the broker and starts it again. Where the profile is [durable](super::Profile::durable), it keeps what it has
    /// acknowledged. It accepts connections when this returns.
    ///
    /// # Errors
    /// It did not work, or is not offered.
    async fn restart_broker(&self) -> Result<(), FaultError> {
        Err(FaultError::NotOffered)
    }

    /// Cuts the network between the queues and the broker: nothing gets through any more, and neither side is told.
    ///
    /// # Errors
    /// As of [`restart_broker`](Self::restart_broker).
    async fn cut(&self) -> Result<(), FaultError> {
        Err(FaultError::NotOffered)
    }

    /// Mends the network. What was cut may get through or be closed, whichever the network does.
    ///
    /// # Errors
    /// As of [`restart_broker`](Self::restart_broker).
    async fn heal(&self) -> Result<(), FaultError> {
        Err(FaultError::NotOffered)
    }

    /// Freezes the broker: connections stay and new ones are accepted, but nothing is answered.
    ///
    /// # Errors
    /// As of [`restart_broker`](Self::restart_broker).
    async fn stall(&self) -> Result<(), FaultError> {
        Err(FaultError::NotOffered)
    }

    /// Lets a frozen broker go on.
    ///
    /// # Errors
    /// As of [`restart_broker`](Self::restart_broker).
    async fn resume(&self) -> Result<(), FaultError> {
        Err(FaultError::NotOffered)
    }

    /// Makes the broker, or the network, end the connections that queues have at present.
    ///
    /// # Errors
    /// As of [`restart_broker`](Self::restart_broker).
    async fn kick_client(&self) -> Result<(), FaultError> {
        Err(FaultError::NotOffered)
    }

    /// An unopened queue that cannot be opened, for that reason. An attempt must be over within five seconds, so
    /// set a connect timeout of one or two.
    ///
    /// # Errors
    /// As of [`restart_broker`](Self::restart_broker).
    async fn unreachable_queue(
        &self,
        _context: QueueContext,
        _why: OpenFailure,
    ) -> Result<Arc<dyn IMessageQueue>, FaultError> {
        Err(FaultError::NotOffered)
    }

    /// Puts bytes into a destination past the queue, as a foreign client would.
    ///
    /// # Errors
    /// As of [`restart_broker`](Self::restart_broker).
    async fn inject_raw(&self, _destination: &str, _bytes: &[u8]) -> Result<(), FaultError> {
        Err(FaultError::NotOffered)
    }
}

/// Why a queue does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFailure {
    /// Nobody listens where the broker should be.
    NoBroker,
    /// Somebody listens there and never answers.
    Silent,
    /// The broker does not let the queue in.
    Denied,
    /// The broker lets the queue in and refuses to deliver to it. `open` may be Ok where the queue asks for
    /// deliveries later. Where a broker has no such thing, give the same as for `Denied`.
    SubscriptionRefused,
}

/// Why a hook did nothing. Any error turns into one by `?`.
pub enum FaultError {
    /// The injector does not have the hook.
    NotOffered,
    /// It did not work.
    Failed(Box<dyn Error + Send + Sync>),
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for FaultError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("the fixture's FaultInjector does not offer it"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
