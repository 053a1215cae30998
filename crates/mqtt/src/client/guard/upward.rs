use std::sync::Arc;

use super::Guard;
use crate::client::packets::{
    Fate, Head, PUBACK, PUBLISH, PUBREC, PUBREL, Parsed, Rules, answer, first_number, qos,
};

/// What happens to packets on their way from the client to the broker.
pub(in crate::client) struct Upward {
    guard: Arc<Guard>,
    connection: u64,
}

impl Upward {
    pub(in crate::client) fn new(guard: Arc<Guard>, connection: u64) -> Self {
        Self { guard, connection }
    }
}

impl Rules for Upward {
    fn concerns(&mut self, first: u8) -> bool {
        first == PUBACK || (first >> 4 == PUBLISH && qos(first) == 2)
    }

    fn decide(&mut self, packet: &mut [u8], _: bool) -> Fate {
        if packet[0] == PUBACK {
            let Some(id) = first_number(packet) else { return Fate::Hold };
            if self.guard.state().inbound.confirm(id, self.connection) {
                packet[0] = PUBREC;
            }
            return Fate::Pass;
        }
        // No property is looked at.
        match Head::parse(packet, false) {
            Parsed::Incomplete => Fate::Hold,
            Parsed::Malformed => Fate::Pass,
            Parsed::Head(head) => match self.guard.state().outbound.publish(head.id) {
                true => Fate::Behind(answer(PUBREL, head.id)),
                false => Fate::Pass,
            },
        }
    }

    fn follow(&mut self, _: &[u8], _: bool) {}
}
