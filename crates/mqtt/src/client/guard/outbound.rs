use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The packet ids of what was published at QoS 2 to a broker that keeps the session.
///
/// The client begins its ids anew with each connection, while the broker goes on holding those of messages that were not
/// released: it would take a new message under such an id for a repetition, `Ok` and lost. So each id that the broker can
/// hold is released first, also those of a process before.
#[derive(Default)]
pub(super) struct Outbound {
    /// Whether the broker began the session with this client, so that it holds no ids but those in `open`.
    anew: bool,
    /// If it did not: the ids of which that is known nevertheless.
    known: HashSet<u16>,
    /// What was published, and not completed, and whether the broker has got it.
    open: BTreeMap<u16, bool>,
    /// What was released by the guard. The answer is not the client's.
    releasing: BTreeSet<u16>,
}

impl Outbound {
    /// The broker has a session of this client that it may have begun with another.
    pub(super) fn doubt(&mut self) {
        self.anew = false;
        self.known.clear();
    }

    /// The broker began the session anew.
    pub(super) fn begin(&mut self) {
        *self = Self { anew: true, ..Self::default() };
    }

    /// The broker kept the session. Gives the ids to release.
    pub(super) fn go_on(&mut self) -> impl Iterator<Item = u16> {
        self.releasing.extend(std::mem::take(&mut self.open).into_keys());
        self.releasing.iter().copied()
    }

    /// A message is about to be published. True: its id has to be released before.
    pub(super) fn publish(&mut self, id: u16) -> bool {
        self.open.insert(id, false);
        // One answer is waited for, so an id is not released twice.
        !self.anew && self.known.insert(id) && self.releasing.insert(id)
    }

    /// The broker has got the message. It answers in order: to a release of the id before, if at all.
    pub(super) fn received(&mut self, id: u16) {
        self.releasing.remove(&id);
        if let Some(received) = self.open.get_mut(&id) {
            *received = true;
        }
    }

    /// The broker says that it holds the id no more. True: to the guard.
    pub(super) fn completed(&mut self, id: u16) -> bool {
        let own = self.releasing.remove(&id);
        // One that the broker has not got yet is not what it speaks of: it says something twice.
        if !own && self.open.get(&id) == Some(&true) {
            self.open.remove(&id);
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(outbound: &mut Outbound) -> Vec<u16> {
        outbound.go_on().collect()
    }

    #[test]
    fn what_was_not_completed_is_released_when_the_session_goes_on_and_the_client_does_not_hear_of_it() {
        let mut outbound = Outbound::default();
        outbound.begin();
        assert_eq!([1, 2, 3].map(|id| outbound.publish(id)), [false; 3]);
        outbound.received(2);
        assert!(!outbound.completed(2));
        assert_eq!(released(&mut outbound), [1, 3]);
        // The next message under the same id.
        assert!(!outbound.publish(1));
        assert!(outbound.completed(1), "the old one");
        outbound.received(1);
        assert!(!outbound.completed(1), "the new one");
        // The connection was lost before the answer to 3.
        assert_eq!(released(&mut outbound), [3]);
    }

    #[test]
    fn an_id_that_an_earlier_process_may_have_left_is_released_before_its_first_use() {
        let mut outbound = Outbound::default();
        assert!(released(&mut outbound).is_empty());
        assert!(outbound.publish(1));
        assert!(outbound.completed(1));
        assert!(!outbound.completed(1));
        assert!(!outbound.publish(1));
        assert!(!outbound.completed(1));
        outbound.doubt();
        assert!(outbound.publish(1), "the broker is another one");
    }

    #[test]
    fn an_id_is_not_released_twice() {
        let mut outbound = Outbound::default();
        outbound.publish(1);
        outbound.doubt();
        assert_eq!(released(&mut outbound), [1]);
        assert!(!outbound.publish(1));
        assert!(outbound.completed(1));
        assert!(!outbound.completed(1));
    }

    #[test]
    fn an_answer_that_comes_twice_does_not_complete_the_next_message_under_its_id() {
        let mut outbound = Outbound::default();
        outbound.publish(1);
        assert_eq!(released(&mut outbound), [1]);
        outbound.publish(1);
        assert!(outbound.completed(1), "the old one");
        assert!(!outbound.completed(1), "the old one once more");
        assert_eq!(released(&mut outbound), [1], "the new one, which the broker may hold");
    }

    #[test]
    fn a_session_that_begins_anew_holds_nothing() {
        let mut outbound = Outbound::default();
        outbound.publish(1);
        outbound.begin();
        assert!(released(&mut outbound).is_empty());
        assert!(!outbound.publish(1));
    }

    #[test]
    fn a_broker_that_does_not_answer_to_a_release_does_not_cost_the_answer_to_the_message() {
        let mut outbound = Outbound::default();
        assert!(outbound.publish(1));
        outbound.received(1);
        assert!(!outbound.completed(1));
    }
}
