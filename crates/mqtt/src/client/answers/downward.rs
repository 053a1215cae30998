use std::{mem, sync::Arc};

use super::{Answers, Meaning};
use crate::client::packets::{
    Beside, CONNACK, Fate, Number, PUBACK, PUBCOMP, PUBREC, Rules, SUBACK, UNSUBACK, answer, first_number,
    receive_maximum, take_keep_alive,
};

/// A code of version 5 from here on is an error.
const FIRST_ERROR: u8 = 0x80;

/// How many bytes of answers are held back at most: 16 answers that only have an id. The library searches a list of what is
/// open for each message.
const MOST_HELD_BACK: usize = 16 * SHORTEST;

/// An answer that only has an id.
const SHORTEST: usize = 4;

/// Notes what the broker answers to messages, beside other rules.
pub(in crate::client) struct Answered<R> {
    answers: Arc<Answers>,
    others: Beside<R>,
    /// Answers that the client has still to read.
    held_back: Vec<u8>,
    most_held_back: usize,
    keep_alive: Option<u16>,
}

impl<R> Answered<R> {
    pub(in crate::client) fn new(answers: Arc<Answers>, others: Option<R>) -> Self {
        let others = Beside::new(others);
        Self { answers, others, held_back: Vec::new(), most_held_back: MOST_HELD_BACK, keep_alive: None }
    }

    /// Packets that the client has still to read, whose senders know what they say.
    pub(in crate::client) fn held_back(&mut self) -> &mut Vec<u8> {
        &mut self.held_back
    }

    /// Has the client read the acknowledgement of something that it does not wait for, unless there is a real one.
    pub(in crate::client) fn prod(&mut self) {
        if self.held_back.is_empty()
            && let Some(id) = self.answers.unused_id()
        {
            self.held_back.extend(answer(PUBACK, id));
        }
    }

    /// How many seconds after another the broker wants a sign of life, where it said so since this was asked. The client does not
    /// hear of it, as it would look by itself whether the broker is there.
    pub(in crate::client) fn take_keep_alive(&mut self) -> Option<u16> {
        self.keep_alive.take()
    }

    /// The client sends nothing more while it takes as many messages for open as the broker takes at once. So it is not kept from
    /// more answers than half of that.
    fn accepted(&mut self, packet: &mut [u8]) {
        self.keep_alive = take_keep_alive(packet);
        if let Some(most) = receive_maximum(packet) {
            self.most_held_back = MOST_HELD_BACK.min(usize::from(most) / 2 * SHORTEST);
        }
    }

    fn answered(&mut self, packet: &[u8], ended: bool) -> Fate {
        let Some(id) = first_number(packet) else { return Fate::Pass };
        let first = packet[0];
        let is_success = is_grant(first) || code(packet).is_none_or(|code| code < FIRST_ERROR);
        match self.answers.answered(first, id, is_success) {
            // The library frees whatever has its id, also while it still needs it, and calls it sent.
            Meaning::Stray => Fate::Swallow,
            Meaning::Known if ended && self.held_back.len() + packet.len() <= self.most_held_back => {
                self.held_back.extend_from_slice(packet);
                Fate::Swallow
            }
            Meaning::Known if !self.held_back.is_empty() => Fate::Behind(mem::take(&mut self.held_back)),
            Meaning::Known | Meaning::Other => Fate::Pass,
        }
    }
}

/// The code of an answer, where it has one that is there.
fn code(packet: &[u8]) -> Option<u8> {
    let (_, size) = Number::read(packet.get(1..)?).ok()??;
    packet.get(1 + size + 2).copied()
}

fn is_answer(first: u8) -> bool {
    matches!(first, PUBACK | PUBREC | PUBCOMP) || is_grant(first)
}

/// Whether a packet answers to a subscription or its end.
fn is_grant(first: u8) -> bool {
    matches!(first, SUBACK | UNSUBACK)
}

impl<R: Rules> Rules for Answered<R> {
    fn concerns(&mut self, first: u8) -> bool {
        // Asked of each packet, once.
        let concerned = self.others.concerns(first);
        concerned || is_answer(first) || first == CONNACK
    }

    fn decide(&mut self, packet: &mut [u8], ended: bool) -> Fate {
        let first = packet[0];
        let is_answer = is_answer(first);
        // What follows the code can be long.
        if is_answer && !ended && code(packet).is_none() {
            return Fate::Hold;
        }
        let fate = self.others.decide(packet, ended);
        if first == CONNACK && ended {
            self.accepted(packet);
        }
        match fate {
            Fate::Pass if is_answer => self.answered(packet, ended),
            fate => fate,
        }
    }

    fn follow(&mut self, bytes: &[u8], ended: bool) {
        self.others.follow(bytes, ended);
    }
}
