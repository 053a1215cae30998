use bytes::Bytes;
use tokio::sync::mpsc::UnboundedReceiver;

/// What a client tells, in the order in which it happened.
///
/// The channel has no bound, as the client's thread, which all clients of the process share, must never
/// wait; whoever reads it must not wait for user code either.
pub(crate) type Events = UnboundedReceiver<Event>;

pub(crate) enum Event {
    /// The broker accepted the connection.
    Connected,
    /// The connection was lost, not closed.
    Disconnected,
    Message(Delivery),
}

/// A message that arrived.
pub(crate) struct Delivery {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// How to acknowledge it, where the client did not do so on arrival.
    pub(crate) ack: Option<Ack>,
}

/// Acknowledges a message. No client at hand offers it yet.
pub(crate) type Ack = Box<dyn FnOnce() + Send>;
