use tokio::sync::mpsc::UnboundedReceiver;

use super::{Delivery, Reason, backlog::Waiting};

/// What a client tells, in the order in which it happened.
///
/// The channel has no bound, as the client's thread, which all clients of the process share, must never
/// wait; whoever reads it must not wait for user code either. The relay bounds the messages in it.
pub(crate) type Events = UnboundedReceiver<Event>;

pub(crate) enum Event {
    /// The broker accepted the connection.
    Connected,
    /// The connection was lost, not closed; the broker may have told why.
    Disconnected(Option<Reason>),
    /// The second is to be kept until the message is handed over.
    Message(Delivery, Waiting),
    /// The broker's last answer to a filter that it was told to forget: what came of it came before.
    Unsubscribed(String),
}
