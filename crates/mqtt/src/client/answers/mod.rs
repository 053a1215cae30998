//! Which messages the broker has answered, as the relay reads it.

mod downward;
mod upward;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

pub(super) use self::{downward::Answered, upward::Written};
use super::packets::{PUBACK, PUBCOMP, PUBREC};
use crate::options::QoS;

/// With more messages that it has not written, the library may give any id to one of them.
const MOST_UNWRITTEN: u64 = 0x8000;

/// How many ids are looked at to find one that is free.
const LONGEST_SEARCH: usize = 1024;

/// The messages at QoS 1 and 2 of one connection that wait for the broker's last answer.
///
/// The library's thread would have to be woken before whoever waits for an answer, which takes as long again as the
/// answer itself. So the relay tells it, and lets the library know later. The library does not give away under which id
/// it sends a message, but it writes messages in the order in which they were given to it: so the relay, which sees them
/// pass, knows the id of each. What is no plain success, or does not fit, is left to the library.
#[derive(Default)]
pub(super) struct Answers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many messages the library was given.
    given: u64,
    /// How many of them it has written.
    written: u64,
    /// Those that somebody waits for, by their number.
    messages: HashMap<u64, Message>,
    /// What is written and not answered, by its id.
    unanswered: HashMap<u16, Open>,
    /// The id that was written last.
    newest: u16,
    /// The connection is over, or its messages cannot be told apart: the library knows what came of each.
    ended: bool,
}

/// Something that was written.
struct Open {
    /// That of a message.
    number: Option<u64>,
    /// The first byte of the packet that answers to it next.
    awaits: u8,
}

/// What an answer says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The broker has a message, and whoever waits for that knows.
    Known,
    /// It answers to nothing that was written, or to something else than what has its id.
    Stray,
    /// The client has to read it.
    Other,
}

struct Message {
    qos: QoS,
    stage: Stage,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Acknowledged,
    /// The library knows what came of it.
    Unknown,
}

impl Answers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the library is about to get a message. Only one may be on its way there.
    pub(super) fn give(self: &Arc<Self>, qos: QoS) -> Answer {
        let mut state = self.state();
        let number = state.given;
        state.given += 1;
        let stage = if state.ended { Stage::Unknown } else { Stage::Waiting };
        state.messages.insert(number, Message { qos, stage, waker: None });
        Answer { answers: self.clone(), number }
    }

    /// The client has written a message.
    fn written(&self, id: u16, qos: u8) {
        let mut state = self.state();
        if state.ended {
            return;
        }
        let number = state.written;
        state.written += 1;
        let fits = state.messages.get(&number).is_none_or(|message| message.qos as u8 == qos);
        if number < state.given && fits {
            let awaits = if qos == 1 { PUBACK } else { PUBREC };
            state.unanswered.insert(id, Open { number: Some(number), awaits });
            state.newest = id;
        } else {
            let wakers = state.end();
            drop(state);
            wake(wakers);
        }
    }

    /// The broker has answered something to what has that id; `first` is the first byte of the answer.
    fn answered(&self, first: u8, id: u16, is_success: bool) -> Meaning {
        let mut state = self.state();
        if state.ended {
            return Meaning::Other;
        }
        let Some(open) = state.unanswered.get_mut(&id) else { return Meaning::Stray };
        // A message that is received can be said to be so again.
        if open.awaits != first && !(open.awaits == PUBCOMP && first == PUBREC && is_success) {
            return Meaning::Stray;
        }
        if first == PUBREC && is_success {
            open.awaits = PUBCOMP;
            return Meaning::Other;
        }
        let number = open.number;
        state.unanswered.remove(&id);
        let stage = if is_success { Stage::Acknowledged } else { Stage::Unknown };
        let waker = number.and_then(|number| state.settle(number, stage));
        drop(state);
        wake(waker);
        match number {
            Some(_) if is_success => Meaning::Known,
            _ => Meaning::Other,
        }
    }

    /// The client has written something else that has an id.
    fn asked(&self, id: u16, awaits: u8) {
        let mut state = self.state();
        if state.ended {
            return;
        }
        state.unanswered.insert(id, Open { number: None, awaits });
        state.newest = id;
    }

    /// An id that the library has given to nothing that is not answered, if there is one for sure.
    ///
    /// It gives them in ascending order: those of what it has not written yet come after the newest one.
    fn unused_id(&self) -> Option<u16> {
        let state = self.state();
        if state.ended || state.given - state.written > MOST_UNWRITTEN {
            return None;
        }
        let before = |id: &u16| Some(if *id > 1 { *id - 1 } else { u16::MAX });
        let ids = std::iter::successors(before(&state.newest), before).take(LONGEST_SEARCH);
        ids.into_iter().find(|id| !state.unanswered.contains_key(id))
    }

    /// Leaves all that is open to the library.
    fn end(&self) {
        let wakers = self.state().end();
        wake(wakers);
    }
}

/// Not under the lock: an executor can drop what it wakes, and an [`Answer`] with it.
fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

impl State {
    /// Notes what came of a message. Gives who waits for it.
    fn settle(&mut self, number: u64, stage: Stage) -> Option<Waker> {
        let message = self.messages.get_mut(&number)?;
        message.stage = stage;
        message.waker.take()
    }

    /// Gives all who wait.
    fn end(&mut self) -> Vec<Waker> {
        self.ended = true;
        self.unanswered.clear();
        let waiting = self.messages.values_mut().filter(|message| message.stage == Stage::Waiting);
        let settled = waiting.map(|message| {
            message.stage = Stage::Unknown;
            message.waker.take()
        });
        settled.flatten().collect()
    }
}

/// Leaves to the library what is open when it is dropped.
pub(super) struct EndOfAnswers(pub(super) Arc<Answers>);

impl Drop for EndOfAnswers {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The broker's answer to one message.
pub(super) struct Answer {
    answers: Arc<Answers>,
    number: u64,
}

impl Answer {
    /// Whether the broker has the message. `false`: the library knows what came of it.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.answers.state();
        let Some(message) = state.messages.get_mut(&self.number) else { return Poll::Ready(false) };
        match message.stage {
            Stage::Acknowledged => Poll::Ready(true),
            Stage::Unknown => Poll::Ready(false),
            Stage::Waiting => {
                match &mut message.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    /// The library did not take the message.
    pub(super) fn take_back(self) {
        self.answers.state().given -= 1;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.answers.state().messages.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;
    use crate::client::packets::{
        Filter, PUBACK, PUBCOMP, PUBREC, Rules, answer,
        tests::{filtered, publish},
    };

    /// Rules that nothing concerns.
    struct Nothing;

    impl Rules for Nothing {
        fn concerns(&mut self, _: u8) -> bool {
            false
        }

        fn decide(&mut self, _: &mut [u8], _: bool) -> crate::client::packets::Fate {
            unreachable!()
        }

        fn follow(&mut self, _: &[u8], _: bool) {}
    }

    /// A connection, whose pieces have that length.
    struct Connection {
        answers: Arc<Answers>,
        up: Filter<Written<Nothing>>,
        down: Filter<Answered<Nothing>>,
        piece: usize,
    }

    impl Connection {
        fn new(piece: usize) -> Self {
            let answers: Arc<Answers> = Arc::default();
            let up = Filter::new(Written::new(answers.clone(), None));
            let down = Filter::new(Answered::new(answers.clone(), None));
            Self { answers, up, down, piece }
        }

        fn give(&self, qos: QoS) -> Answer {
            self.answers.give(qos)
        }

        /// The client writes messages at that QoS under these ids.
        fn write(&mut self, qos: QoS, ids: impl IntoIterator<Item = u16>) {
            for id in ids {
                let packet = publish(0x30 | (qos as u8) << 1, "topic", id, None, b"payload");
                assert_eq!(filtered(&mut self.up, &packet, self.piece), packet);
            }
        }

        /// What the client reads of what the broker writes, and what is held back of it.
        fn read(&mut self, packets: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
            let read = filtered(&mut self.down, &packets.concat(), self.piece);
            (read, std::mem::take(self.down.rules().held_back()))
        }
    }

    fn poll(answer: &Answer) -> Option<bool> {
        match answer.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(has) => Some(has),
            Poll::Pending => None,
        }
    }

    const ONCE: QoS = QoS::AtLeastOnce;
    const EXACTLY: QoS = QoS::ExactlyOnce;

    #[test]
    fn an_acknowledgement_is_for_the_message_whose_id_it_has() {
        for piece in 1..20 {
            let mut connection = Connection::new(piece);
            let answers = [ONCE, EXACTLY, ONCE].map(|qos| connection.give(qos));
            connection.write(ONCE, [7]);
            connection.write(EXACTLY, [9]);
            connection.write(ONCE, [8]);
            let acknowledged = answer(PUBACK, 8);
            assert_eq!(connection.read(&[&acknowledged]), (vec![], acknowledged.to_vec()));
            assert_eq!(answers.each_ref().map(poll), [None, None, Some(true)]);
            let received = answer(PUBREC, 9);
            assert_eq!(connection.read(&[&received]), (received.to_vec(), vec![]));
            assert_eq!(answers.each_ref().map(poll), [None, None, Some(true)]);
            let completed = answer(PUBCOMP, 9);
            assert_eq!(connection.read(&[&completed]), (vec![], completed.to_vec()));
            assert_eq!(answers.each_ref().map(poll), [None, Some(true), Some(true)]);
        }
    }

    #[test]
    fn the_client_is_not_kept_from_more_answers_than_half_of_what_it_may_have_open_and_never_from_more_than_16()
     {
        let maxima: [(&[u8], u16); 7] = [
            (b"\x20\x02\0\0", 16),
            (b"\x20\x03\0\0\0", 16),
            (b"\x20\x08\0\0\x05\x22\0\x09\x24\x01", 16),
            (b"\x20\x08\0\0\x05\x24\x01\x21\xff\xff", 16),
            (b"\x20\x06\0\0\x03\x21\0\x15", 10),
            (b"\x20\x06\0\0\x03\x21\0\x02", 1),
            (b"\x20\x06\0\0\x03\x21\0\x01", 0),
        ];
        for (connack, most) in maxima {
            let mut connection = Connection::new(usize::MAX);
            assert_eq!(connection.read(&[connack]), (connack.to_vec(), vec![]));
            let _answers: Vec<Answer> = (0..=most).map(|_| connection.give(ONCE)).collect();
            connection.write(ONCE, 1..=most + 1);
            let packets: Vec<[u8; 4]> = (1..=most + 1).map(|id| answer(PUBACK, id)).collect();
            let (last, before) = packets.split_last().unwrap();
            // A message begins that is long in coming.
            let rest = b"\x30\xff\xff\x7f\0\x01tpay";
            let stream = [&before.concat()[..], b"\xd0\0", last, rest].concat();
            let expected = [b"\xd0\0", &packets.concat()[..], rest].concat();
            assert_eq!(connection.read(&[&stream]), (expected, vec![]), "{connack:?}");
        }
    }

    #[test]
    fn how_often_a_broker_wants_to_hear_something_is_noted_once_and_kept_from_the_client() {
        let asked = b"\x20\x08\0\0\x05\x13\x01\x02\x24\x01";
        let longest = b"\x20\x08\0\0\x05\x13\xff\xff\x24\x01".to_vec();
        let mut connection = Connection::new(usize::MAX);
        for other in [&b"\x20\x02\0\0"[..], b"\x20\x03\0\0\0", b"\x20\x05\0\0\x02\x24\x01"] {
            assert_eq!(connection.read(&[other]), (other.to_vec(), vec![]));
            assert_eq!(connection.down.rules().take_keep_alive(), None);
        }
        assert_eq!(connection.read(&[asked]), (longest, vec![]));
        assert_eq!(connection.down.rules().take_keep_alive(), Some(0x0102));
        assert_eq!(connection.down.rules().take_keep_alive(), None);
    }

    #[test]
    fn what_is_no_success_is_for_the_client_to_read_at_once_and_to_tell() {
        let refusals: [&[u8]; 3] =
            [b"\x40\x03\0\x07\x87", b"\x40\x08\0\x07\x97\x04\x1f\0\x01r", b"\x50\x03\0\x08\x80"];
        for refusal in refusals {
            for piece in 1..12 {
                let mut connection = Connection::new(piece);
                let answers = [ONCE, EXACTLY].map(|qos| connection.give(qos));
                connection.write(ONCE, [7]);
                connection.write(EXACTLY, [8]);
                assert_eq!(connection.read(&[refusal]), (refusal.to_vec(), vec![]));
                let mut expected = [None, None];
                expected[usize::from(refusal[3] - 7)] = Some(false);
                assert_eq!(answers.each_ref().map(poll), expected, "{refusal:?}");
            }
        }
    }

    #[test]
    fn a_message_that_was_received_and_not_completed_is_for_the_client_to_tell_of() {
        for piece in 1..12 {
            let mut connection = Connection::new(piece);
            let sent = connection.give(EXACTLY);
            connection.write(EXACTLY, [8]);
            let received = answer(PUBREC, 8);
            for _ in 0..2 {
                assert_eq!(connection.read(&[&received]), (received.to_vec(), vec![]));
            }
            let failed = b"\x70\x03\0\x08\x92";
            assert_eq!(connection.read(&[failed]), (failed.to_vec(), vec![]));
            assert_eq!(poll(&sent), Some(false));
        }
    }

    /// The library would call what waits for it successful, and free what it still needs.
    #[test]
    fn an_answer_of_another_kind_than_what_has_its_id_waits_for_is_kept_from_the_client() {
        for piece in 1..12 {
            let mut connection = Connection::new(piece);
            let answers = [ONCE, EXACTLY, EXACTLY].map(|qos| connection.give(qos));
            connection.write(ONCE, [1]);
            connection.write(EXACTLY, [2, 3]);
            filtered(&mut connection.up, b"\x82\x06\0\x04\0\x01t\0\xa2\x05\0\x05\0\x01t", piece);
            connection.read(&[&answer(PUBREC, 3)]);
            let granted = [&b"\x90\x03\0\x04\0"[..], b"\xb0\x02\0\x05"];
            let strays: [&[u8]; 14] = [
                b"\x50\x02\0\x01",
                b"\x70\x02\0\x01",
                b"\x50\x03\0\x01\x87",
                b"\x90\x03\0\x01\0",
                b"\x40\x02\0\x02",
                b"\x70\x02\0\x02",
                b"\x70\x03\0\x02\x92",
                b"\xb0\x02\0\x02",
                b"\x50\x03\0\x03\x87",
                b"\x40\x03\0\x03\x87",
                b"\x40\x02\0\x04",
                b"\xb0\x02\0\x04",
                b"\x90\x03\0\x05\0",
                b"\x70\x02\0\x05",
            ];
            for stray in strays {
                assert_eq!(connection.read(&[stray]), (vec![], vec![]), "{stray:?}");
            }
            assert_eq!(answers.each_ref().map(poll), [None; 3]);
            assert_eq!(connection.read(&granted), (granted.concat(), vec![]));
            connection.read(&[
                &answer(PUBACK, 1),
                &answer(PUBREC, 2),
                &answer(PUBCOMP, 2),
                &answer(PUBCOMP, 3),
            ]);
            assert_eq!(answers.each_ref().map(poll), [Some(true); 3]);
        }
    }

    #[test]
    fn an_acknowledgement_that_tells_more_is_one() {
        for piece in 1..12 {
            let mut connection = Connection::new(piece);
            let sent = connection.give(ONCE);
            connection.write(ONCE, [7]);
            // No subscriber, for some reason.
            let packet = b"\x40\x08\0\x07\x10\x04\x1f\0\x01r";
            let (read, held_back) = connection.read(&[packet]);
            assert_eq!([read, held_back].concat(), packet);
            assert_eq!(poll(&sent), Some(true));
        }
    }

    /// The library may have given the id to what it is about to write.
    #[test]
    fn answers_to_nothing_are_kept_from_the_client() {
        let mut connection = Connection::new(100);
        let sent = connection.give(ONCE);
        // Before it is written.
        assert_eq!(connection.read(&[&answer(PUBACK, 1)]), (vec![], vec![]));
        connection.write(ONCE, [1]);
        assert_eq!(poll(&sent), None);
        for odd in [&b"\x40\0"[..], b"\x70\x01\0"] {
            assert_eq!(connection.read(&[odd]), (odd.to_vec(), vec![]), "without an id");
        }
        for stray in [answer(PUBACK, 2), answer(PUBREC, 2), answer(PUBCOMP, 2)] {
            assert_eq!(connection.read(&[&stray]), (vec![], vec![]));
        }
        assert_eq!(poll(&sent), None);
        let acknowledged = answer(PUBACK, 1);
        assert_eq!(connection.read(&[&acknowledged, &acknowledged]), (vec![], acknowledged.to_vec()));
    }

    #[test]
    fn a_message_that_was_taken_back_or_given_up_leaves_the_others_their_answers() {
        let mut connection = Connection::new(100);
        let one = connection.give(ONCE);
        connection.give(EXACTLY).take_back();
        let other = connection.give(ONCE);
        let given_up = connection.give(ONCE);
        let last = connection.give(ONCE);
        connection.write(ONCE, 1..=4);
        drop(given_up);
        connection.read(&[&answer(PUBACK, 3)]);
        assert_eq!([&one, &other, &last].map(poll), [None, None, None]);
        connection.read(&[&answer(PUBACK, 4)]);
        assert_eq!([&one, &other, &last].map(poll), [None, None, Some(true)]);
        connection.read(&[&answer(PUBACK, 2)]);
        assert_eq!([&one, &other, &last].map(poll), [None, Some(true), Some(true)]);
    }

    #[test]
    fn when_the_messages_cannot_be_told_apart_all_are_left_to_the_library() {
        let unexpected: [fn(&mut Connection); 3] = [
            |connection| connection.write(ONCE, [2]),
            |connection| connection.write(EXACTLY, [2]),
            |connection| drop(filtered(&mut connection.up, b"\x32\x03\0\x09t", 100)),
        ];
        for unexpected in unexpected {
            let mut connection = Connection::new(100);
            let answers = [connection.give(EXACTLY)];
            connection.write(EXACTLY, [1]);
            unexpected(&mut connection);
            assert_eq!(answers.each_ref().map(poll), [Some(false)]);
            let completed = answer(PUBCOMP, 1);
            assert_eq!(connection.read(&[&completed]), (completed.to_vec(), vec![]));
            assert_eq!(answers.each_ref().map(poll), [Some(false)]);
            assert_eq!(poll(&connection.give(ONCE)), Some(false));
        }
    }

    #[test]
    fn what_is_known_at_the_end_of_a_connection_stays_so_and_the_rest_is_left_to_the_library() {
        let mut connection = Connection::new(100);
        let (known, open, unwritten) = (connection.give(ONCE), connection.give(ONCE), connection.give(ONCE));
        connection.write(ONCE, [1, 2]);
        connection.read(&[&answer(PUBACK, 1)]);
        drop(EndOfAnswers(connection.answers.clone()));
        assert_eq!([&known, &open, &unwritten].map(poll), [Some(true), Some(false), Some(false)]);
    }

    #[test]
    fn an_id_that_is_not_used_is_one_that_nothing_written_has_and_nothing_that_will_be_written_soon() {
        let mut connection = Connection::new(1);
        assert_eq!(connection.answers.unused_id(), Some(u16::MAX));
        let _answers: Vec<Answer> = (0..4).map(|_| connection.give(ONCE)).collect();
        connection.write(ONCE, [1, 2]);
        assert_eq!(connection.answers.unused_id(), Some(u16::MAX));
        let subscribe = b"\x82\x06\0\x03\0\x01t\0";
        assert_eq!(filtered(&mut connection.up, subscribe, 1), subscribe);
        connection.write(ONCE, [4]);
        assert_eq!(connection.answers.unused_id(), Some(u16::MAX));
        connection.read(&[&answer(PUBACK, 1)]);
        assert_eq!(connection.answers.unused_id(), Some(1));
        let granted = b"\x90\x03\0\x03\0";
        assert_eq!(connection.read(&[granted]), (granted.to_vec(), vec![]));
        assert_eq!(connection.answers.unused_id(), Some(3));
        connection.answers.end();
        assert_eq!(connection.answers.unused_id(), None);
    }

    #[test]
    fn no_id_is_called_unused_where_each_may_be_used() {
        let connection = Connection::new(1);
        let _answers: Vec<Answer> = (0..=MOST_UNWRITTEN).map(|_| connection.give(ONCE)).collect();
        assert_eq!(connection.answers.unused_id(), None);
    }

    #[test]
    fn a_client_is_prodded_by_what_it_has_to_read_and_otherwise_by_what_answers_to_nothing() {
        let mut connection = Connection::new(100);
        connection.down.rules().prod();
        assert_eq!(connection.down.rules().held_back(), &answer(PUBACK, u16::MAX));
        connection.down.rules().held_back().clear();
        let _answer = connection.give(EXACTLY);
        connection.write(EXACTLY, [1]);
        connection.read(&[&answer(PUBREC, 1)]);
        let completed = answer(PUBCOMP, 1);
        assert_eq!(filtered(&mut connection.down, &completed, 1), b"");
        connection.down.rules().prod();
        assert_eq!(connection.down.rules().held_back(), &completed);
    }

    #[test]
    fn nothing_is_kept_of_what_is_over() {
        let mut connection = Connection::new(100);
        for round in 0..3 {
            let answers: Vec<Answer> = (0..1000).map(|_| connection.give(ONCE)).collect();
            connection.write(ONCE, 1..=1000);
            (1..=1000).for_each(|id| drop(connection.read(&[&answer(PUBACK, id)])));
            assert!(answers.iter().all(|answer| poll(answer) == Some(true)), "{round}");
        }
        let state = connection.answers.state();
        assert!(state.messages.is_empty() && state.unanswered.is_empty());
    }

    proptest! {
        #[test]
        fn each_message_has_its_own_answer_whatever_their_order(
            order in Just((0..40u16).collect::<Vec<_>>()).prop_shuffle(),
            answered in 0usize..40,
            piece in 1usize..30,
        ) {
            let mut connection = Connection::new(piece);
            let answers: Vec<Answer> = (0..40).map(|_| connection.give(ONCE)).collect();
            connection.write(ONCE, (0..40).map(|number| 1000 - number));
            for number in &order[..answered] {
                connection.read(&[&answer(PUBACK, 1000 - number)]);
            }
            for (number, sent) in (0..).zip(&answers) {
                prop_assert_eq!(poll(sent).is_some(), order[..answered].contains(&number));
            }
        }
    }
}
