use std::sync::Arc;

use super::Guard;
use crate::client::{
    packets::{Fate, Head, PUBACK, PUBLISH, PUBREC, PUBREL, Parsed, Rules, answer, first_number, qos},
    replies::Replies,
};

/// What happens to packets on their way from the client to the broker.
pub(in crate::client) struct Upward {
    guard: Arc<Guard>,
    connection: u64,
    replies: Arc<Replies>,
}

impl Upward {
    pub(in crate::client) fn new(guard: Arc<Guard>, connection: u64, replies: Arc<Replies>) -> Self {
        Self { guard, connection, replies }
    }
}

impl Drop for Upward {
    /// The client has closed the connection, and all that it wrote is read.
    fn drop(&mut self) {
        self.guard.confirmed(&mut self.guard.state(), self.connection, true);
    }
}

impl Rules for Upward {
    fn concerns(&mut self, first: u8) -> bool {
        first == PUBACK || (first >> 4 == PUBLISH && qos(first) == 2)
    }

    fn decide(&mut self, packet: &mut [u8], ended: bool) -> Fate {
        if packet[0] == PUBACK {
            let Some(id) = first_number(packet).filter(|_| ended) else { return Fate::Hold };
            let mut state = self.guard.state();
            if state.inbound.confirm(id, self.connection) {
                packet[0] = PUBREC;
            }
            self.guard.confirmed(&mut state, self.connection, false);
            let withholds = match self.connection == state.inbound.connection() {
                true => state.intake.withhold(packet, &self.replies),
                // Of a connection before it is nothing that the broker has.
                false => state.intake.is_opening(),
            };
            if withholds {
                return Fate::Swallow;
            }
            // Confirmations have an order, and what was withheld may still wait to be written.
            let first = self.replies.take();
            return if first.is_empty() { Fate::Pass } else { Fate::Behind(first) };
        }
        // No property is looked at.
        match Head::parse(packet, false) {
            Parsed::Incomplete => Fate::Hold,
            Parsed::Malformed => Fate::Pass,
            Parsed::Head(head) => match self.guard.state().outbound.publish(head.id) {
                true => Fate::Behind(answer(PUBREL, head.id).to_vec()),
                false => Fate::Pass,
            },
        }
    }

    fn follow(&mut self, _: &[u8], _: bool) {}
}
