//! Guards a session that the broker keeps, between the client, which begins anew with each connection, and the broker,
//! which goes on.

mod downward;
mod inbound;
mod intake;
mod outbound;
mod upward;

use std::{
    hash::RandomState,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

pub(super) use self::{downward::Downward, upward::Upward};
use self::{inbound::Inbound, intake::Intake, outbound::Outbound};

/// What a client and a broker that keeps its session owe each other at QoS 2, over all connections.
#[derive(Default)]
pub(super) struct Guard {
    state: Mutex<State>,
    keys: RandomState,
    /// All that came is confirmed.
    caught_up: Notify,
}

#[derive(Default)]
struct State {
    inbound: Inbound,
    outbound: Outbound,
    intake: Intake,
    /// Which broker the last connection was to.
    address: Option<SocketAddr>,
}

impl Guard {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another connection. Gives its number.
    pub(super) fn connect(&self, address: SocketAddr) -> u64 {
        let mut state = self.state();
        let is_other = state.address.replace(address) != Some(address);
        if is_other || state.intake.is_opening() {
            // The ids of one broker say nothing about those of another, which may have a session of its own. And what came while
            // the session is being opened nobody was given, and was not confirmed.
            state.inbound.forget();
            state.outbound.doubt();
        }
        state.intake.connect();
        // What the client has not confirmed of the connection before, it never will.
        self.caught_up.notify_waiters();
        state.inbound.connect()
    }

    /// Somebody listens: what was withheld until now is confirmed, and what comes from now on at once.
    pub(super) fn accept(&self) {
        self.state().intake.accept();
    }

    /// Takes no more messages, which the broker sends again on another connection, and waits until the client has confirmed
    /// those that it was given.
    pub(super) async fn stop(&self) {
        self.state().intake.stop();
        loop {
            // Before looking: it hears of what happens from here on.
            let caught_up = self.caught_up.notified();
            if !self.state().intake.is_behind() {
                return;
            }
            caught_up.await;
        }
    }

    /// The client has confirmed a message on that connection, or the connection has ended.
    fn confirmed(&self, state: &mut State, connection: u64, all: bool) {
        if connection == state.inbound.connection() {
            state.intake.confirmed(all);
            if !state.intake.is_behind() {
                self.caught_up.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        pin::pin,
        sync::Arc,
        task::{Context, Waker},
        time::Duration,
    };

    use proptest::prelude::*;
    use tokio::time::timeout;

    use super::*;
    use crate::client::{
        packets::{
            Filter, PUBACK, PUBCOMP, PUBREC, PUBREL, answer,
            tests::{filtered, publish},
        },
        replies::Replies,
    };

    const KEPT: &[u8] = b"\x20\x02\x01\0";
    const BEGUN: &[u8] = b"\x20\x02\0\0";

    /// A connection, whose pieces have that length.
    struct Connection {
        up: Filter<Upward>,
        down: Filter<Downward>,
        replies: Arc<Replies>,
        piece: usize,
    }

    impl Connection {
        fn new(guard: &Arc<Guard>, host: u8, version5: bool, piece: usize) -> Self {
            let connection = Self::opening(guard, host, version5, piece);
            guard.accept();
            connection
        }

        /// One that is not accepted yet.
        fn opening(guard: &Arc<Guard>, host: u8, version5: bool, piece: usize) -> Self {
            let replies: Arc<Replies> = Arc::default();
            let number = guard.connect((Ipv4Addr::new(127, 0, 0, host), 1883).into());
            Self {
                up: Filter::new(Upward::new(guard.clone(), number, replies.clone())),
                down: Filter::new(Downward::new(guard.clone(), replies.clone(), version5)),
                replies,
                piece,
            }
        }

        /// What the client reads of what the broker writes, and what is replied.
        fn down(&mut self, packets: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
            (filtered(&mut self.down, &packets.concat(), self.piece), self.replies.take())
        }

        fn up(&mut self, packets: &[&[u8]]) -> Vec<u8> {
            filtered(&mut self.up, &packets.concat(), self.piece)
        }
    }

    /// Messages of the ids 1 to 12 that went the whole way.
    fn completed(connection: &mut Connection) {
        for id in 1..=12 {
            let sent = publish(0x34, "t", id, None, b"x");
            assert_eq!(connection.down(&[&sent]).0, publish(0x32, "t", id, None, b"x"));
            assert_eq!(connection.up(&[&answer(PUBACK, id)]), answer(PUBREC, id));
            assert_eq!(connection.down(&[&answer(PUBREL, id)]), (vec![], answer(PUBCOMP, id).to_vec()));
        }
    }

    #[test]
    fn a_message_is_handed_over_at_qos_1_and_answered_at_qos_2() {
        for piece in 1..40 {
            completed(&mut Connection::new(&Arc::default(), 1, false, piece));
        }
    }

    #[test]
    fn messages_at_other_qos_and_their_acknowledgements_stay_as_they_are() {
        let mut connection = Connection::new(&Arc::default(), 1, false, 7);
        let packets = [publish(0x32, "t", 1, None, b"x"), b"\x30\x04\0\x01tx".to_vec()].concat();
        assert_eq!(connection.down(&[&packets]), (packets.clone(), vec![]));
        assert_eq!(
            connection.up(&[&answer(PUBACK, 1), &packets]),
            [&answer(PUBACK, 1)[..], &packets].concat()
        );
    }

    #[test]
    fn what_a_broker_repeats_is_answered_and_kept_from_the_client_and_what_is_new_is_not() {
        for piece in 1..40 {
            let guard: Arc<Guard> = Arc::default();
            completed(&mut Connection::new(&guard, 1, false, piece));
            let mut connection = Connection::new(&guard, 1, false, piece);
            let (repeated, other) = (publish(0x3c, "t", 11, None, b"x"), publish(0x3c, "t", 12, None, b"y"));
            assert_eq!(
                connection.down(&[KEPT, &repeated, &other]),
                ([KEPT, &publish(0x3a, "t", 12, None, b"y")].concat(), answer(PUBREC, 11).to_vec()),
                "{piece}"
            );
        }
    }

    #[test]
    fn a_message_is_passed_on_before_all_of_it_is_there() {
        let payload = vec![b'x'; 100_000];
        for (first, lowered) in [(0x34, 0x32), (0x3c, 0x3a), (0x32, 0x32), (0x30, 0x30)] {
            let mut connection = Connection::new(&Arc::default(), 1, false, 1000);
            connection.down(&[BEGUN]);
            let packet = publish(first, "t", 1, None, &payload);
            let expected = publish(lowered, "t", 1, None, &payload);
            assert_eq!(connection.down(&[&packet[..1000]]).0, expected[..1000]);
            assert_eq!(connection.down(&[&packet[1000..]]).0, expected[1000..]);
            assert_eq!(connection.up(&[&packet[..1000]]), packet[..1000]);
        }
    }

    #[test]
    fn a_time_to_live_that_went_on_makes_no_new_message() {
        let guard: Arc<Guard> = Arc::default();
        let expiring = |first, left| publish(first, "t", 7, Some(&[2, 0, 0, 0, left]), b"x");
        let mut connection = Connection::new(&guard, 1, true, 5);
        connection.down(&[&expiring(0x34, 9)]);
        assert_eq!(connection.up(&[&answer(PUBACK, 7)]), answer(PUBREC, 7));
        let mut connection = Connection::new(&guard, 1, true, 5);
        assert_eq!(connection.down(&[&expiring(0x3c, 8)]), (vec![], answer(PUBREC, 7).to_vec()));
    }

    #[test]
    fn a_session_that_began_anew_or_at_another_broker_repeats_nothing() {
        let repeated = publish(0x3c, "t", 12, None, b"x");
        for (host, begin) in [(1, BEGUN), (2, KEPT)] {
            let guard: Arc<Guard> = Arc::default();
            completed(&mut Connection::new(&guard, 1, false, 50));
            let handed = Connection::new(&guard, host, false, 50).down(&[begin, &repeated]).0;
            assert_eq!(handed, [begin, &publish(0x3a, "t", 12, None, b"x")].concat());
        }
    }

    #[test]
    fn an_id_that_a_broker_may_hold_is_released_before_it_is_used_and_the_client_hears_of_its_own_answers_only()
     {
        for piece in 1..40 {
            let guard: Arc<Guard> = Arc::default();
            let sent = publish(0x34, "t", 1, None, b"x");
            let mut connection = Connection::new(&guard, 1, false, piece);
            connection.down(&[BEGUN]);
            assert_eq!(connection.up(&[&sent]), sent, "the session is new");

            let mut connection = Connection::new(&guard, 1, false, piece);
            assert_eq!(connection.down(&[KEPT]), (KEPT.to_vec(), answer(PUBREL, 1).to_vec()));
            assert_eq!(connection.up(&[&sent]), sent);
            let answers = [answer(PUBCOMP, 1), answer(PUBREC, 1), answer(PUBCOMP, 1)].concat();
            assert_eq!(connection.down(&[&answers]), (answers[4..].to_vec(), vec![]));

            let mut connection = Connection::new(&Arc::default(), 1, false, piece);
            assert_eq!(connection.down(&[KEPT]), (KEPT.to_vec(), vec![]));
            assert_eq!(connection.up(&[&sent]), [&answer(PUBREL, 1)[..], &sent].concat());
        }
    }

    #[test]
    fn nothing_is_confirmed_before_somebody_is_there_for_it_and_all_of_it_then() {
        for piece in 1..20 {
            let guard: Arc<Guard> = Arc::default();
            let mut connection = Connection::opening(&guard, 1, false, piece);
            let (once, exactly) = (publish(0x32, "t", 1, None, b"x"), publish(0x34, "t", 2, None, b"x"));
            let handed = connection.down(&[KEPT, &once, &exactly]);
            assert_eq!(handed, ([KEPT, &once, &publish(0x32, "t", 2, None, b"x")].concat(), vec![]));
            assert_eq!(connection.up(&[&answer(PUBACK, 1), &answer(PUBACK, 2)]), b"");
            assert_eq!(connection.replies.take(), b"");
            guard.accept();
            assert_eq!(connection.replies.take(), [answer(PUBACK, 1), answer(PUBREC, 2)].concat());
            assert_eq!(connection.down(&[&once]).0, once);
            assert_eq!(connection.up(&[&answer(PUBACK, 1)]), answer(PUBACK, 1));
        }
    }

    #[test]
    fn what_was_withheld_goes_before_what_is_confirmed_after_it() {
        for piece in 1..20 {
            let guard: Arc<Guard> = Arc::default();
            let mut connection = Connection::opening(&guard, 1, false, piece);
            let messages = [1, 2, 3].map(|id| publish(0x34, "t", id, None, b"x")).concat();
            connection.down(&[KEPT, &messages]);
            connection.up(&[&answer(PUBACK, 1), &answer(PUBACK, 2)]);
            guard.accept();
            let expected = [1, 2, 3].map(|id| answer(PUBREC, id)).concat();
            assert_eq!(connection.up(&[&answer(PUBACK, 3)]), expected);
            assert_eq!(connection.replies.take(), b"");
        }
    }

    #[test]
    fn what_is_repeated_before_somebody_is_there_for_it_is_not_confirmed_either() {
        for piece in 1..20 {
            let guard: Arc<Guard> = Arc::default();
            let mut connection = Connection::opening(&guard, 1, false, piece);
            connection.down(&[KEPT, &publish(0x34, "t", 1, None, b"x")]);
            connection.up(&[&answer(PUBACK, 1)]);
            assert_eq!(connection.down(&[&publish(0x3c, "t", 1, None, b"x")]), (vec![], vec![]));
            guard.accept();
            assert_eq!(connection.replies.take(), [answer(PUBREC, 1), answer(PUBREC, 1)].concat());
        }
    }

    /// Who opens the session has forgotten what came on the connection before.
    #[test]
    fn what_came_on_another_connection_before_somebody_was_there_is_not_confirmed_and_handed_over_again() {
        for piece in 1..20 {
            let guard: Arc<Guard> = Arc::default();
            let mut left = Connection::opening(&guard, 1, false, piece);
            left.down(&[KEPT, &publish(0x34, "t", 1, None, b"x"), &publish(0x32, "t", 2, None, b"x")]);
            assert_eq!(left.up(&[&answer(PUBACK, 1)]), b"");
            let mut connection = Connection::opening(&guard, 1, false, piece);
            assert_eq!(left.up(&[&answer(PUBACK, 2)]), b"", "it is late");
            let repeated = [KEPT, &publish(0x3c, "t", 1, None, b"x")].concat();
            let handed = [KEPT, &publish(0x3a, "t", 1, None, b"x")].concat();
            assert_eq!(connection.down(&[&repeated]), (handed, vec![]));
            guard.accept();
            assert_eq!((connection.replies.take(), left.replies.take()), (vec![], vec![]));
            assert_eq!(connection.up(&[&answer(PUBACK, 1)]), answer(PUBREC, 1));
        }
    }

    /// Whether the guard, which takes no more messages, waits for what the client was given.
    fn is_behind(guard: &Guard) -> bool {
        pin!(guard.stop()).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[test]
    fn what_comes_when_no_more_is_taken_is_neither_handed_over_nor_confirmed_and_what_came_is() {
        for piece in 1..20 {
            let guard: Arc<Guard> = Arc::default();
            let mut connection = Connection::new(&guard, 1, false, piece);
            let (once, exactly) = (publish(0x32, "t", 1, None, b"x"), publish(0x34, "t", 2, None, b"x"));
            connection.down(&[KEPT, &once, &exactly]);
            assert!(is_behind(&guard));
            let (later, last) = (publish(0x32, "t", 3, None, b"x"), publish(0x34, "t", 4, None, b"x"));
            let at_most_once = b"\x30\x04\0\x01tx";
            assert_eq!(connection.down(&[&later, &last, at_most_once]), (at_most_once.to_vec(), vec![]));
            assert_eq!(connection.up(&[&answer(PUBACK, 1)]), answer(PUBACK, 1));
            assert!(is_behind(&guard));
            assert_eq!(connection.up(&[&answer(PUBACK, 2)]), answer(PUBREC, 2));
            assert!(!is_behind(&guard));
            assert_eq!(connection.down(&[&answer(PUBREL, 2)]), (vec![], answer(PUBCOMP, 2).to_vec()));
        }
    }

    #[test]
    fn what_the_client_has_not_confirmed_when_the_connection_ends_is_waited_for_no_more() {
        let guard: Arc<Guard> = Arc::default();
        let mut connection = Connection::new(&guard, 1, false, 50);
        connection.down(&[KEPT, &publish(0x32, "t", 1, None, b"x")]);
        assert!(is_behind(&guard));
        drop(connection);
        assert!(!is_behind(&guard));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_client_has_not_confirmed_when_there_is_another_connection_is_waited_for_no_more() {
        let guard: Arc<Guard> = Arc::default();
        let mut connection = Connection::new(&guard, 1, false, 50);
        connection.down(&[KEPT, &publish(0x32, "t", 1, None, b"x")]);
        let another = async { Connection::new(&guard, 1, false, 50) };
        let both = async { tokio::join!(biased; guard.stop(), another) };
        timeout(Duration::from_secs(1), both).await.expect("it waits for ever");
    }

    #[test]
    fn what_is_malformed_is_for_the_client_to_judge() {
        for packet in [&b"\x62\x01\0"[..], b"\x70\0", b"\x20\x01\0"] {
            for piece in 1..=packet.len() {
                let mut connection = Connection::new(&Arc::default(), 1, false, piece);
                assert_eq!(connection.down(&[packet]), (packet.to_vec(), vec![]), "{packet:?}");
                assert_eq!(connection.up(&[packet]), packet);
            }
        }
    }

    /// The client would take it for one at QoS 2, and wait for a release that the guard keeps from it.
    #[test]
    fn a_message_at_qos_2_that_contradicts_itself_is_the_last_thing_that_is_read() {
        let cases = [
            (&b"\x34\x03\0\x09t"[..], false),
            (b"\x34\x05\0\x01t\0\0", false),
            (b"\x34\x06\0\x01t\0\x01\x09", true),
        ];
        for (packet, version5) in cases {
            for piece in 1..=packet.len() {
                let mut connection = Connection::new(&Arc::default(), 1, version5, piece);
                let sent = publish(0x32, "t", 1, None, b"x");
                assert_eq!(connection.down(&[&sent, packet, &sent]), (sent.clone(), vec![]), "{packet:?}");
                assert!(connection.down.has_refused());
                // The client's own are the broker's to judge.
                assert!(connection.up(&[packet]).ends_with(packet));
            }
        }
    }

    fn packets() -> impl Strategy<Value = Vec<u8>> {
        let id = 1u16..4;
        let message = (prop::sample::select(vec![0x32, 0x34, 0x3a, 0x3c]), id.clone(), 0usize..80)
            .prop_map(|(first, id, length)| publish(first, "t", id, None, &vec![b'x'; length]));
        let answers = (prop::sample::select(vec![PUBACK, PUBREC, PUBREL, PUBCOMP]), id)
            .prop_map(|(first, id)| answer(first, id).to_vec());
        let other =
            prop::sample::select(vec![KEPT.to_vec(), b"\xd0\0".to_vec(), b"\x30\x03\0\x01t".to_vec()]);
        prop::collection::vec(prop_oneof![message, answers, other], 0..30).prop_map(|all| all.concat())
    }

    proptest! {
        #[test]
        fn the_same_comes_of_a_stream_however_it_is_cut(
            sides in prop::collection::vec((any::<bool>(), packets()), 1..6),
            piece in 1usize..100,
        ) {
            let run = |piece| {
                let guard: Arc<Guard> = Arc::default();
                let mut came = Vec::new();
                for (is_up, stream) in &sides {
                    let mut connection = Connection::new(&guard, 1, false, piece);
                    came.push(match is_up {
                        true => (connection.up(&[stream]), vec![]),
                        false => connection.down(&[stream]),
                    });
                }
                came
            };
            prop_assert_eq!(run(piece), run(10_000));
        }

        #[test]
        fn no_stream_is_too_malformed(stream in prop::collection::vec(any::<u8>(), 0..300), version5: bool) {
            let mut connection = Connection::new(&Arc::default(), 1, version5, 11);
            connection.down(&[&stream]);
            connection.up(&[&stream]);
        }
    }
}
