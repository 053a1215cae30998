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
    /// The connection of that number was lost, not closed; the broker may have told why.
    Disconnected(u64, Option<Reason>),
    /// A message came.
    Message {
        delivery: Delivery,
        /// To be kept until the message is handed over.
        waiting: Waiting,
        /// The number of its connection, on which it is confirmed to the broker, at QoS 1 and 2.
        confirmed_on: Option<u64>,
    },
    /// The broker sent what MQTT does not have. The second is to be kept until it was told.
    Malformed(Malformed, Waiting),
    /// The broker's last answer to a filter that it was told to forget: what came of it came before.
    Unsubscribed(String),
}

/// What a broker sent that MQTT does not have.
pub(crate) enum Malformed {
    /// A message whose topic is none, or with a NUL in a text of its properties. It was acknowledged, and goes to nobody.
    /// The topic looks about so.
    Text(String),
    /// A packet that contradicts itself, or that no broker may send. The connection ends with it.
    Packet,
}
