use std::{mem::size_of, str, sync::Arc};

use tokio::sync::mpsc::UnboundedSender;

use super::{
    Event, Malformed,
    backlog::Backlog,
    packets::{self, Beside, Fate, PUBACK, PUBLISH, PUBREC, Rules, Topic, answer, is_from_broker, qos},
    replies::Replies,
};

/// How many bytes are shown of a topic that is none.
const SHOWN: usize = 100;

/// Tells what a broker sent that MQTT does not have.
#[derive(Clone)]
pub(super) struct Reports {
    pub(super) events: UnboundedSender<Event>,
    pub(super) backlog: Arc<Backlog>,
}

impl Reports {
    pub(super) fn tell(&self, malformed: Malformed) {
        let waiting = self.backlog.add_bytes(size_of::<Event>() + SHOWN);
        let _ = self.events.send(Event::Malformed(malformed, waiting));
    }
}

/// Keeps from the client what ends the process when it is read, beside other rules.
///
/// The client library does not look. The client crate takes a topic for a text without NUL, and panics in a function of C
/// where it is not one; of a property of version 5 with a NUL in its text it frees the memory twice. A message that has such is
/// answered for the client, so that a broker that keeps the session does not send it for ever. What else has such,
/// contradicts itself, or is none of a broker's packets, ends the connection: the library does not look at flags, and takes for
/// an answer what only looks like one.
pub(super) struct Readable<R> {
    others: Beside<R>,
    has_properties: bool,
    replies: Arc<Replies>,
    reports: Reports,
}

impl<R> Readable<R> {
    pub(super) fn new(
        others: Option<R>,
        has_properties: bool,
        replies: Arc<Replies>,
        reports: Reports,
    ) -> Self {
        Self { others: Beside::new(others), has_properties, replies, reports }
    }

    /// What becomes of a packet that nobody else has to decide on.
    fn judge(&self, packet: &[u8], ended: bool) -> Result<Option<Fate>, packets::Malformed> {
        if !is_from_broker(packet[0]) {
            return Err(packets::Malformed);
        }
        if packet[0] >> 4 == PUBLISH {
            return self.judge_message(packet);
        }
        Ok(match self.has_properties {
            true if !ended => Some(Fate::Hold),
            true if packets::has_nul(packet)? => Some(Fate::Refuse),
            _ => None,
        })
    }

    fn judge_message(&self, packet: &[u8]) -> Result<Option<Fate>, packets::Malformed> {
        let qos = qos(packet[0]);
        let Some(topic) = Topic::find(packet)? else { return Ok(Some(Fate::Hold)) };
        let text = topic.of(packet);
        if is_topic(text) {
            match self.has_properties {
                false => return Ok(None),
                true => match topic.has_nul_behind(packet, qos)? {
                    None => return Ok(Some(Fate::Hold)),
                    Some(false) => return Ok(None),
                    Some(true) => {}
                },
            }
        }
        let acknowledgement = match qos {
            0 => None,
            qos => {
                let Some(id) = topic.id(packet)? else { return Ok(Some(Fate::Hold)) };
                Some(answer(if qos == 1 { PUBACK } else { PUBREC }, id))
            }
        };
        // To the release of what it does not know the client answers, as the guard does.
        acknowledgement.iter().for_each(|answer| self.replies.push(answer));
        let shown = text[..text.len().min(SHOWN)].escape_ascii().to_string();
        self.reports.tell(Malformed::Text(shown));
        Ok(Some(Fate::Swallow))
    }
}

/// No alias stands for an empty topic, as the client allows none.
fn is_topic(bytes: &[u8]) -> bool {
    !bytes.is_empty() && !bytes.contains(&0) && str::from_utf8(bytes).is_ok()
}

impl<R: Rules> Rules for Readable<R> {
    fn concerns(&mut self, first: u8) -> bool {
        // Asked of each packet, once.
        let concerned = self.others.concerns(first);
        concerned || self.has_properties || first >> 4 == PUBLISH || !is_from_broker(first)
    }

    fn decide(&mut self, packet: &mut [u8], ended: bool) -> Fate {
        match self.judge(packet, ended) {
            Ok(None) => {}
            Ok(Some(fate)) => return fate,
            Err(packets::Malformed) => return Fate::Refuse,
        }
        self.others.decide(packet, ended)
    }

    fn follow(&mut self, bytes: &[u8], ended: bool) {
        self.others.follow(bytes, ended);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::client::{
        guard::Downward,
        packets::{Filter, tests::filtered},
    };

    /// A connection, whose pieces have that length.
    struct Connection {
        down: Filter<Readable<Downward>>,
        replies: Arc<Replies>,
        events: UnboundedReceiver<Event>,
        piece: usize,
    }

    impl Connection {
        fn new(piece: usize, has_properties: bool) -> Self {
            let replies: Arc<Replies> = Arc::default();
            let (sender, events) = unbounded_channel();
            let reports = Reports { events: sender, backlog: Arc::default() };
            let readable = Readable::new(None, has_properties, replies.clone(), reports);
            Self { down: Filter::new(readable), replies, events, piece }
        }

        /// What the client reads of what the broker writes, what is replied, and which topics are complained of.
        fn down(&mut self, stream: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<String>) {
            let read = filtered(&mut self.down, stream, self.piece);
            let mut topics = Vec::new();
            while let Ok(event) = self.events.try_recv() {
                match event {
                    Event::Malformed(Malformed::Text(topic), _) => topics.push(topic),
                    _ => panic!("not a complaint about a topic"),
                }
            }
            (read, self.replies.take(), topics)
        }
    }

    fn publish(first: u8, topic: &[u8], rest: &[u8]) -> Vec<u8> {
        let mut body = (topic.len() as u16).to_be_bytes().to_vec();
        body.extend(topic);
        body.extend(rest);
        let mut packet = vec![first];
        packets::Number::write(body.len(), &mut packet);
        packet.extend(body);
        packet
    }

    #[test]
    fn what_is_no_packet_of_a_broker_ends_the_connection() {
        let good: &[&[u8]] = &[b"\x40\x02\0\x01", b"\x62\x02\0\x01", b"\xd0\0", b"\x3d\x06\0\x01t\0\x01x"];
        // An acknowledgement and a release with other flags, QoS 3, what only clients write, and what nobody does.
        let bad: &[&[u8]] = &[
            b"\x41\x02\0\x01",
            b"\x60\x02\0\x01",
            b"\x36\x06\0\x01t\0\x01x",
            b"\x82\x05\0\x01t\0\x01",
            b"\xc0\0",
            b"\0\0",
        ];
        for piece in 1..10 {
            for bad in bad {
                let mut connection = Connection::new(piece, false);
                let stream = [&good.concat()[..], bad, good[0]].concat();
                assert_eq!(connection.down(&stream).0, good.concat(), "{bad:?}");
                assert!(connection.down.has_refused());
            }
        }
    }

    #[test]
    fn a_message_whose_topic_is_none_is_answered_for_the_client_and_kept_from_it() {
        for piece in 1..30 {
            let mut connection = Connection::new(piece, false);
            let good = publish(0x32, "käse/\u{1F9C0}".as_bytes(), b"\0\x01x");
            let stream = [
                &good[..],
                &publish(0x30, b"a\xffb", b"\0\x09"),
                &publish(0x32, b"a\0b", b"\0\x02payload"),
                &publish(0x3c, b"", b"\0\x03"),
                &publish(0x34, b"\xed\xa0\x80", b"\x12\x34x"),
                &good,
            ];
            let (read, replied, topics) = connection.down(&stream.concat());
            assert_eq!(read, [&good[..], &good].concat(), "{piece}");
            assert_eq!(replied, b"\x40\x02\0\x02\x50\x02\0\x03\x50\x02\x12\x34");
            assert_eq!(topics, ["a\\xffb", "a\\x00b", "", "\\xed\\xa0\\x80"]);
        }
    }

    #[test]
    fn a_topic_can_be_as_long_as_there_is_room_and_little_of_it_is_shown() {
        for piece in [1, 1000, 65_536, 100_000] {
            let mut topic = vec![b'x'; 65_535];
            let good = publish(0x30, &topic, &[7; 1000]);
            topic[65_534] = 0xff;
            let stream = [&publish(0x32, &topic, b"\0\x02payload")[..], &good].concat();
            let (read, replied, topics) = Connection::new(piece, false).down(&stream);
            assert!(read == good, "{piece}");
            assert_eq!(replied, b"\x40\x02\0\x02");
            assert_eq!(topics, ["x".repeat(SHOWN)]);
        }
    }

    #[test]
    fn a_large_message_is_passed_on_before_all_of_it_is_there() {
        let mut connection = Connection::new(1000, false);
        let packet = publish(0x32, b"t", &[1; 100_000]);
        assert_eq!(connection.down(&packet[..1000]).0, packet[..1000]);
        assert_eq!(connection.down(&packet[1000..]).0, packet[1000..]);
    }

    #[test]
    fn a_message_with_a_property_whose_text_has_a_nul_is_answered_for_the_client_and_kept_from_it() {
        for piece in 1..30 {
            let mut connection = Connection::new(piece, true);
            // Data may have one.
            let good = publish(0x32, b"t", b"\0\x01\x0b\x26\0\x01k\0\x01v\x09\0\x01\0x");
            let stream = [
                &good[..],
                &publish(0x30, b"t", b"\x07\x26\0\x01k\0\x01\0x"),
                &publish(0x34, b"t", b"\0\x02\x05\x03\0\x02a\0x"),
                &good,
            ];
            let (read, replied, topics) = connection.down(&stream.concat());
            assert_eq!(read, [&good[..], &good].concat(), "{piece}");
            assert_eq!(
                (&replied[..], &topics[..]),
                (&b"\x50\x02\0\x02"[..], &["t".to_owned(), "t".to_owned()][..])
            );
        }
    }

    #[test]
    fn any_other_packet_with_such_a_property_is_refused() {
        let good = [
            &b"\x20\x08\0\0\x05\x1f\0\x02ok"[..],
            b"\x40\x02\0\x01",
            b"\x40\x03\0\x01\x10",
            b"\x50\x09\0\x01\x87\x05\x1f\0\x02no",
            b"\x62\x02\0\x01",
            b"\x90\x09\0\x01\x05\x1f\0\x02no\x80",
            b"\xb0\x04\0\x01\0\0",
            b"\xd0\0",
            b"\xe0\x07\x8e\x05\x1f\0\x02no",
        ];
        let bad = [
            &b"\x20\x08\0\0\x05\x1f\0\x02o\0"[..],
            b"\xf0\x02\x18\0",
            b"\x20\x02\0\0",
            b"\x40\x09\0\x01\x87\x05\x1f\0\x02n\0",
            b"\x50\x09\0\x01\x87\x05\x1f\0\x02\0o",
            b"\x90\x09\0\x01\x05\x1f\0\x02n\0\x80",
            b"\xe0\x07\x8e\x05\x1f\0\x02n\0",
            b"\xe0\x07\x8e\x06\x1f\0\x02no",
            b"\xe0\x03\x8e\x01\x7f",
        ];
        for piece in 1..12 {
            let mut connection = Connection::new(piece, true);
            assert_eq!(connection.down(&good.concat()).0, good.concat());
            for packet in bad {
                let mut connection = Connection::new(piece, true);
                assert_eq!(connection.down(packet).0, b"", "{packet:?}");
                assert!(connection.down.has_refused());
            }
        }
    }

    #[test]
    fn what_has_no_room_for_a_topic_or_the_id_of_one_that_is_none_is_refused() {
        for packet in [
            &b"\x30\x01\0"[..],
            b"\x30\x03\0\x02t",
            b"\x32\x04\0\x01\xff\0",
            b"\x32\x05\0\x01\xff\0\0",
            b"\x30\0",
        ] {
            for piece in 1..=packet.len() {
                let mut connection = Connection::new(piece, false);
                assert_eq!(
                    connection.down(&[packet, b"\xd0\0"].concat()),
                    (vec![], vec![], vec![]),
                    "{packet:?}"
                );
                assert!(connection.down.has_refused());
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_comes_through_that_the_client_crate_would_not_take(
            topics in prop::collection::vec((0u8..3, prop::collection::vec(any::<u8>(), 0..4)), 0..20),
            piece in 1usize..40,
        ) {
            let stream: Vec<u8> = topics
                .iter()
                .flat_map(|(qos, topic)| publish(0x30 | qos << 1, topic, b"\0\x01"))
                .collect();
            let expected: Vec<u8> = topics
                .iter()
                .filter(|(_, topic)| {
                    std::ffi::CString::new(topic.clone()).is_ok_and(|topic| topic.to_str().is_ok())
                        && !topic.is_empty()
                })
                .flat_map(|(qos, topic)| publish(0x30 | qos << 1, topic, b"\0\x01"))
                .collect();
            prop_assert_eq!(Connection::new(piece, false).down(&stream).0, expected);
        }
    }
}
