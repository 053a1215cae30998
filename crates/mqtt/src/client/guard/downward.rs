use std::sync::Arc;

use super::Guard;
use crate::client::{
    packets::{
        CONNACK, Content, Fate, Head, PINGRESP, PUBCOMP, PUBLISH, PUBREC, PUBREL, Parsed, Reading, Rules,
        answer, first_number, is_repetition, qos,
    },
    replies::Replies,
};

/// What makes QoS 1 of QoS 2.
const LOWER: u8 = 0x04 ^ 0x02;

/// A message whose rest is still to come.
struct Followed {
    id: u16,
    reading: Reading,
    is_repetition: bool,
}

/// What happens to packets on their way from the broker to the client.
pub(in crate::client) struct Downward {
    guard: Arc<Guard>,
    replies: Arc<Replies>,
    has_properties: bool,
    followed: Option<Followed>,
}

impl Downward {
    pub(in crate::client) fn new(guard: Arc<Guard>, replies: Arc<Replies>, has_properties: bool) -> Self {
        Self { guard, replies, has_properties, followed: None }
    }

    /// Whether the broker accepts, and has kept the session.
    fn accepted(&self, kept: bool) {
        let mut state = self.guard.state();
        if kept {
            state.outbound.go_on().for_each(|id| self.replies.push(&answer(PUBREL, id)));
        } else {
            state.inbound.forget();
            state.outbound.begin();
        }
    }

    /// What becomes of a message whatever it says.
    fn taken_in(&self, qos: u8) -> Option<Fate> {
        let intake = &mut self.guard.state().intake;
        match qos {
            _ if intake.is_stopped() => Some(Fate::Swallow),
            1 => {
                intake.passed();
                Some(Fate::Pass)
            }
            _ => None,
        }
    }

    fn published(&mut self, packet: &mut [u8], head: &Head, ended: bool) -> Fate {
        let may_repeat =
            is_repetition(packet[0]) && self.guard.state().inbound.may_repeat(head.id, head.length);
        if may_repeat && !ended {
            return Fate::Hold;
        }
        let is_repetition = is_repetition(packet[0]);
        let reading = Reading::begin(&self.guard.keys, packet, head);
        if !ended {
            packet[0] ^= LOWER;
            self.guard.state().intake.passed();
            self.followed = Some(Followed { id: head.id, reading, is_repetition });
            return Fate::Follow;
        }
        let content = reading.end();
        if may_repeat && self.guard.state().inbound.repeats(head.id, content) {
            let answer = answer(PUBREC, head.id);
            if !self.guard.state().intake.withhold(&answer, &self.replies) {
                self.replies.push(&answer);
            }
            return Fate::Swallow;
        }
        packet[0] ^= LOWER;
        self.guard.state().intake.passed();
        self.passed(head.id, content, is_repetition);
        Fate::Pass
    }

    fn passed(&self, id: u16, content: Content, is_repetition: bool) {
        self.guard.state().inbound.pass(id, content, is_repetition);
    }
}

impl Rules for Downward {
    fn concerns(&mut self, first: u8) -> bool {
        match first {
            PINGRESP => self.guard.state().inbound.settle(),
            _ if first >> 4 == PUBLISH && matches!(qos(first), 1 | 2) && !is_repetition(first) => {
                self.guard.state().inbound.count(qos(first));
            }
            _ => {}
        }
        matches!(first, CONNACK | PUBREC | PUBREL | PUBCOMP)
            || (first >> 4 == PUBLISH && matches!(qos(first), 1 | 2))
    }

    fn decide(&mut self, packet: &mut [u8], ended: bool) -> Fate {
        let first = packet[0];
        if first >> 4 == PUBLISH {
            if let Some(fate) = self.taken_in(qos(first)) {
                return fate;
            }
            return match Head::parse(packet, self.has_properties) {
                Parsed::Incomplete => Fate::Hold,
                Parsed::Malformed => Fate::Refuse,
                Parsed::Head(head) => self.published(packet, &head, ended),
            };
        }
        let Some(number) = first_number(packet) else { return Fate::Hold };
        match first {
            CONNACK => {
                let [flags, code] = number.to_be_bytes();
                if code == 0 {
                    self.accepted(flags & 1 != 0);
                }
            }
            PUBREC => self.guard.state().outbound.received(number),
            PUBREL => {
                self.guard.state().inbound.release(number);
                self.replies.push(&answer(PUBCOMP, number));
                return Fate::Swallow;
            }
            _ if self.guard.state().outbound.completed(number) => return Fate::Swallow,
            _ => {}
        }
        Fate::Pass
    }

    fn follow(&mut self, bytes: &[u8], ended: bool) {
        if let Some(followed) = &mut self.followed {
            followed.reading.go_on(bytes);
        }
        if ended && let Some(Followed { id, reading, is_repetition }) = self.followed.take() {
            self.passed(id, reading.end(), is_repetition);
        }
    }
}
