use std::collections::{HashMap, VecDeque};

use crate::client::packets::Content;

/// How often the broker has to have passed over an id that it knew to be free.
const PROOFS: u8 = 8;

/// How many messages may have come since one whose id is not free for another: half of the ids there are.
const RECENT: u64 = 0x8000;

/// How many released messages are remembered.
const REMEMBERED: usize = 4096;

/// The messages at QoS 2 that a broker with a kept session publishes, over all connections.
///
/// The client only sees messages at QoS 1, so that it hands each over at once and says so. What goes with QoS 2 is here: a
/// message is not handed over again until the broker has released it (MQTT 3.1.1 and 5, section 4.3.3).
///
/// Mosquitto 2.0.11 also publishes messages again that it has released, under their old ids, when it is started again. The
/// protocol forbids that: from a broker that keeps to it, the same packet is a new message under an id that is free again,
/// whose first copy was lost on the way. So a message that was released is taken for repeated only if nothing speaks for a
/// new one:
///
/// - It has the flag of a repetition, the id and the content.
/// - It comes on a later connection, before all that is new there: a broker repeats in the order of the first time.
/// - The broker gives ids in ascending order. That has been seen: it gave a higher one although it had been told that a
///   lower one was free, several times, and never went back on one connection, nor began anew with one. A new message under the old id could then only come after all
///   other ids, which have not been seen.
///
/// One case remains, which looks the same on the wire: a broker crashes, does not remember the last ids that it gave, gives
/// one of them to a new message of the very same content, and writes it to a connection that breaks before anything of it
/// arrives. Messages in envelopes never have the same content.
#[derive(Default)]
pub(super) struct Inbound {
    /// Counts the connections.
    connection: u64,
    entries: HashMap<u16, Entry>,
    /// The ids of what was released, oldest first, and the numbers of their messages. Some have other entries by now.
    released: VecDeque<(u16, u64)>,
    /// How many new messages have come, at QoS 1 too.
    messages: u64,
    /// Whether the broker is at what is new, on this connection.
    settled: bool,
    /// The newest id.
    newest: Option<u16>,
    /// The first id of the last connection on which a message was passed.
    first: Option<u16>,
    proofs: u8,
    /// Whether a message was passed on this connection.
    has_passed: bool,
    /// Whether something was completed on this connection.
    completed: bool,
    /// Whether the broker is known to have read that.
    has_free: bool,
}

struct Entry {
    content: Content,
    stage: Stage,
    /// On which connection it was published last.
    connection: u64,
    /// How many messages had come.
    number: u64,
    /// Whether PUBREC went out behind a PUBCOMP.
    after_completion: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On the way to the client, which has not confirmed it.
    Passed,
    /// The client has it, and the broker has not released it.
    Delivered,
    /// The broker has released it.
    Released,
}

impl Inbound {
    /// Another connection to the broker. What the client had not confirmed, it does not have.
    pub(super) fn connect(&mut self) -> u64 {
        self.connection += 1;
        self.entries.retain(|_, entry| entry.stage != Stage::Passed);
        (self.settled, self.has_passed, self.completed, self.has_free) = (false, false, false, false);
        self.connection
    }

    /// The number of the connection that there is, or was last.
    pub(super) fn connection(&self) -> u64 {
        self.connection
    }

    /// The broker knows nothing of what was.
    pub(super) fn forget(&mut self) {
        *self = Self { connection: self.connection, ..Self::default() };
    }

    /// The broker goes on to what is new, or is at it: what it has not repeated by now, it does not repeat.
    pub(super) fn settle(&mut self) {
        if !self.settled {
            self.settled = true;
            let now = self.connection;
            self.forget_released(|entry| entry.connection < now);
        }
    }

    /// A message at QoS 1 or 2 begins that has not the flag of a repetition.
    pub(super) fn count(&mut self, qos: u8) {
        self.messages += 1;
        // At QoS 1 it may have taken the id that was free, as nobody looks.
        self.has_free &= qos == 2;
        self.settle();
    }

    /// Whether a packet with the flag of a repetition can be one, so that its content counts.
    pub(super) fn may_repeat(&self, id: u16, length: usize) -> bool {
        self.entries.get(&id).is_some_and(|entry| {
            entry.content.length == length
                && match entry.stage {
                    Stage::Passed => false,
                    Stage::Delivered => true,
                    Stage::Released => {
                        entry.connection < self.connection
                            && !self.settled
                            && self.proofs == PROOFS
                            && self.messages - entry.number < RECENT
                    }
                }
        })
    }

    /// Whether a packet that can be a repetition is one. Then it is to be answered with PUBREC.
    pub(super) fn repeats(&mut self, id: u16, content: Content) -> bool {
        let now = self.connection;
        let entry = self.entries.get_mut(&id).filter(|entry| entry.content == content);
        if let Some(entry) = entry {
            (entry.stage, entry.connection, entry.after_completion) = (Stage::Delivered, now, self.completed);
            return true;
        }
        false
    }

    /// A message was passed to the client.
    pub(super) fn pass(&mut self, id: u16, content: Content, is_repetition: bool) {
        self.settle();
        let goes_back =
            self.newest.is_some_and(|newest| !(1..RECENT).contains(&u64::from(id.wrapping_sub(newest))));
        if goes_back {
            self.has_free = false;
            // With the first one it repeats what did not come, or was killed and has forgotten the last ids that it gave. Else, and
            // where it begins as before, it does not give ids in ascending order.
            let since = |earlier: Option<u16>| earlier.map_or(0, |earlier| id.wrapping_sub(earlier));
            if self.has_passed || !(1..RECENT).contains(&u64::from(since(self.first))) {
                self.proofs = 0;
                self.forget_released(|_| true);
            }
        } else if self.has_free && !is_repetition {
            self.proofs = PROOFS.min(self.proofs + 1);
            self.has_free = false;
        }
        if !self.has_passed {
            self.first = Some(id);
        }
        (self.newest, self.has_passed) = (Some(id), true);
        let entry = Entry {
            content,
            stage: Stage::Passed,
            connection: self.connection,
            number: self.messages,
            after_completion: false,
        };
        self.entries.insert(id, entry);
    }

    /// The client has a message that was passed on that connection. False: not one at QoS 2.
    pub(super) fn confirm(&mut self, id: u16, connection: u64) -> bool {
        let passed = |entry: &&mut Entry| entry.stage == Stage::Passed && entry.connection == connection;
        let entry = self.entries.get_mut(&id).filter(passed);
        let is_passed = entry.is_some();
        if let Some(entry) = entry {
            (entry.stage, entry.after_completion) = (Stage::Delivered, self.completed);
        }
        is_passed
    }

    /// The broker releases a message, and is answered with PUBCOMP.
    pub(super) fn release(&mut self, id: u16) {
        if let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.stage == Stage::Delivered) {
            entry.stage = Stage::Released;
            // It has read PUBREC, and so what was written before.
            self.has_free |= entry.after_completion && entry.connection == self.connection;
            self.released.push_back((id, entry.number));
            if self.released.len() > REMEMBERED
                && let Some((id, number)) = self.released.pop_front()
                && self
                    .entries
                    .get(&id)
                    .is_some_and(|entry| entry.stage == Stage::Released && entry.number == number)
            {
                self.entries.remove(&id);
            }
        }
        self.completed = true;
    }

    fn forget_released(&mut self, which: impl Fn(&Entry) -> bool) {
        self.entries.retain(|_, entry| entry.stage != Stage::Released || !which(entry));
        self.released.retain(|(id, number)| {
            self.entries
                .get(id)
                .is_some_and(|entry| entry.stage == Stage::Released && entry.number == *number)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::packets::tests::content_of;

    /// A broker and a client that pass messages on.
    #[derive(Default)]
    struct Wire(Inbound);

    impl Wire {
        /// One that has seen that ids ascend: it completed 1 to 20, whose contents are their ids.
        fn ascending() -> Self {
            let mut wire = Self::default();
            wire.0.connect();
            for id in 1..=20 {
                wire.complete(id, &id.to_string());
            }
            wire
        }

        /// Whether a packet reaches the client.
        fn publish(&mut self, id: u16, text: &str, dup: bool) -> bool {
            let content = content_of(text);
            if dup && self.0.may_repeat(id, content.length) && self.0.repeats(id, content) {
                return false;
            }
            if !dup {
                self.0.count(2);
            }
            self.0.pass(id, content, dup);
            true
        }

        fn confirm(&mut self, id: u16) -> bool {
            self.0.confirm(id, self.0.connection)
        }

        fn complete(&mut self, id: u16, text: &str) {
            assert!(self.publish(id, text, false), "{id} {text}");
            assert!(self.confirm(id));
            self.0.release(id);
        }
    }

    #[test]
    fn a_message_is_not_handed_over_again_until_it_is_released() {
        let mut wire = Wire::default();
        wire.0.connect();
        assert!(wire.publish(1, "a", false) && wire.confirm(1));
        for _ in 0..2 {
            wire.0.connect();
            assert!(!wire.publish(1, "a", true));
            assert!(!wire.confirm(1), "the client knows nothing of it");
        }
        wire.0.release(1);
        assert!(wire.publish(1, "a", false));
    }

    #[test]
    fn a_message_that_the_client_has_not_confirmed_is_handed_over_again() {
        let mut wire = Wire::ascending();
        let connection = wire.0.connection;
        assert!(wire.publish(21, "a", false));
        wire.0.connect();
        assert!(!wire.0.confirm(21, connection), "too late");
        assert!(wire.publish(21, "a", true));
        assert!(!wire.0.confirm(21, connection), "of the connection before");
        assert!(wire.confirm(21));
    }

    #[test]
    fn another_message_under_an_id_that_is_not_released_is_handed_over() {
        let mut wire = Wire::ascending();
        assert!(wire.publish(21, "a", false) && wire.confirm(21));
        wire.0.connect();
        assert!(wire.publish(21, "b", true) && wire.confirm(21));
        // The broker does not say that it is a repetition.
        assert!(wire.publish(21, "b", false) && wire.confirm(21));
    }

    #[test]
    fn what_was_released_is_not_handed_over_again_however_often_the_broker_repeats_it() {
        let mut wire = Wire::ascending();
        for _ in 0..3 {
            wire.0.connect();
            assert!(!wire.publish(19, "19", true) && !wire.publish(20, "20", true));
            wire.0.release(19);
            wire.0.release(20);
        }
        wire.complete(21, "21");
    }

    #[test]
    fn a_released_message_is_new_where_anything_speaks_for_it() {
        let mut wire = Wire::ascending();
        assert!(wire.publish(20, "20", true), "on the same connection");

        let mut wire = Wire::ascending();
        wire.0.connect();
        assert!(wire.publish(20, "other", true), "of another content");

        let mut wire = Wire::ascending();
        wire.0.connect();
        assert!(wire.publish(20, "20", false), "without the flag");

        let mut wire = Wire::ascending();
        wire.0.connect();
        wire.complete(21, "21");
        assert!(wire.publish(20, "20", true), "after something new");

        let mut wire = Wire::ascending();
        wire.0.connect();
        wire.0.settle();
        wire.0.connect();
        assert!(wire.publish(20, "20", true), "two connections later");

        let mut wire = Wire::ascending();
        (0..RECENT).for_each(|_| wire.0.count(1));
        wire.0.connect();
        assert!(wire.publish(20, "20", true), "after half of the ids");

        let mut wire = Wire::ascending();
        wire.0.connect();
        wire.0.forget();
        assert!(wire.publish(20, "20", true), "in another session");
    }

    #[test]
    fn a_broker_that_gives_the_lowest_free_id_is_never_thought_to_repeat_what_it_released() {
        let mut wire = Wire::default();
        for at_once in [1, 2, 30] {
            wire.0.connect();
            for _ in 0..50 {
                (1..=at_once).for_each(|id| assert!(wire.publish(id, "tick", false)));
                (1..=at_once).for_each(|id| assert!(wire.confirm(id)));
                (1..=at_once).for_each(|id| wire.0.release(id));
            }
            wire.0.connect();
            assert!(wire.publish(at_once, "tick", true), "the first copy was lost on the way");
        }
    }

    #[test]
    fn a_free_id_that_a_message_at_qos_1_may_have_taken_proves_nothing() {
        let mut wire = Wire::default();
        wire.0.connect();
        for id in 1..30 {
            wire.0.count(1);
            wire.complete(id, "tick");
        }
        wire.0.connect();
        assert!(wire.publish(29, "tick", true));
    }

    #[test]
    fn a_broker_that_goes_back_has_to_be_seen_to_ascend_again() {
        let mut wire = Wire::ascending();
        wire.complete(15, "after a crash");
        wire.0.connect();
        assert!(wire.publish(15, "after a crash", true));
        let mut wire = Wire::ascending();
        wire.complete(15, "after a crash");
        (16..60).for_each(|id| wire.complete(id, "again"));
        wire.0.connect();
        assert!(!wire.publish(59, "again", true));
    }

    /// As a broker does that was killed and started again.
    #[test]
    fn a_broker_that_forgot_the_last_ids_that_it_gave_on_a_connection_before_still_ascends() {
        let (mut wire, mut newest) = (Wire::ascending(), 20);
        for back in [0, 1, 15] {
            wire.0.connect();
            let ids = newest - back..newest - back + 40;
            ids.clone().for_each(|id| assert!(wire.publish(id, "at once", false) && wire.confirm(id)));
            ids.clone().for_each(|id| wire.0.release(id));
            newest = ids.end - 1;
            wire.0.connect();
            assert!(!wire.publish(ids.start, "at once", true) && !wire.publish(newest, "at once", true));
        }
    }

    #[test]
    fn a_broker_that_begins_its_ids_anew_with_each_connection_is_never_thought_to_repeat_what_it_released() {
        let mut wire = Wire::ascending();
        for _ in 0..3 {
            wire.0.connect();
            wire.complete(1, "tick");
            wire.0.connect();
            assert!(wire.publish(1, "tick", true), "the first copy was lost on the way");
            assert!(wire.confirm(1));
            (2..30).for_each(|id| wire.complete(id, "tick"));
        }
    }

    #[test]
    fn what_is_repeated_proves_nothing_about_new_ids() {
        let mut wire = Wire::default();
        for _ in 0..20 {
            wire.0.connect();
            for id in 1..30 {
                assert!(wire.publish(id, "tick", id > 1) && wire.confirm(id));
                wire.0.release(id);
            }
        }
        wire.0.connect();
        assert!(wire.publish(29, "tick", true));
    }

    #[test]
    fn ids_ascend_over_their_end() {
        let mut wire = Wire::ascending();
        [30_000, 60_000].iter().for_each(|id| wire.complete(*id, "skipped"));
        (65_500..=65_535).chain(1..30).for_each(|id| wire.complete(id, "on"));
        wire.0.connect();
        assert!(!wire.publish(29, "on", true));
    }

    #[test]
    fn a_bounded_number_of_messages_is_remembered() {
        let mut wire = Wire::ascending();
        (21..10_000).for_each(|id| wire.complete(id, "x"));
        assert!(wire.0.entries.len() <= REMEMBERED && wire.0.released.len() <= REMEMBERED);
        wire.0.connect();
        assert!(!wire.publish(9_999, "x", true));
    }
}
