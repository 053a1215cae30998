use std::{
    hash::{BuildHasher, DefaultHasher, Hasher, RandomState},
    ops::Range,
};

use super::{
    frames::{Malformed, Number},
    properties,
};

/// As long as the properties may be that are looked at. Longer ones are content as they are.
const LONGEST_PROPERTIES: usize = 64 * 1024;

/// Where the topic of a PUBLISH packet is.
pub(in crate::client) struct Topic {
    bytes: Range<usize>,
    /// How long the packet is behind its length.
    length: usize,
    /// Where it ends.
    whole: usize,
}

impl Topic {
    /// None: more of the packet has to be there.
    pub(in crate::client) fn find(packet: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((length, size)) = packet.get(1..).map_or(Ok(None), Number::read)? else {
            return Ok(None);
        };
        let whole = 1 + size + length;
        let Some(topic) = number(packet, 1 + size, whole)? else { return Ok(None) };
        let start = 1 + size + 2;
        let bytes = start..start + usize::from(topic);
        if bytes.end > whole {
            return Err(Malformed);
        }
        Ok((bytes.end <= packet.len()).then_some(Self { bytes, length, whole }))
    }

    pub(in crate::client) fn of<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        &packet[self.bytes.clone()]
    }

    /// Whether a text among the properties of the packet, which is at that QoS, has a NUL. None: not all are there yet.
    pub(in crate::client) fn has_nul_behind(
        &self,
        packet: &[u8],
        qos: u8,
    ) -> Result<Option<bool>, Malformed> {
        let at = self.bytes.end + if qos == 0 { 0 } else { 2 };
        let Some(range) = properties::section(packet, at, self.whole)? else { return Ok(None) };
        packet.get(range).map(properties::have_nul).transpose()
    }

    /// The id behind it, which a packet at QoS 1 or 2 has. None: it is not there yet.
    pub(in crate::client) fn id(&self, packet: &[u8]) -> Result<Option<u16>, Malformed> {
        match number(packet, self.bytes.end, self.whole)? {
            Some(0) => Err(Malformed),
            id => Ok(id),
        }
    }
}

/// The beginning of a PUBLISH packet at QoS 1 or 2.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) struct Head {
    pub(in crate::client) id: u16,
    /// How long the packet is behind its length.
    pub(in crate::client) length: usize,
    /// Where the rest begins, by which nothing is decided.
    end: usize,
    /// The seconds that the message has left to live. A broker counts them down.
    expiry: Option<Range<usize>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) enum Parsed {
    Head(Head),
    /// More has to come.
    Incomplete,
    /// It is no such packet.
    Malformed,
}

impl Head {
    pub(in crate::client) fn parse(packet: &[u8], has_properties: bool) -> Parsed {
        match Self::find(packet, has_properties) {
            Ok(Some(head)) => Parsed::Head(head),
            Ok(None) => Parsed::Incomplete,
            Err(Malformed) => Parsed::Malformed,
        }
    }

    fn find(packet: &[u8], has_properties: bool) -> Result<Option<Self>, Malformed> {
        let Some(topic) = Topic::find(packet)? else { return Ok(None) };
        let Some(id) = topic.id(packet)? else { return Ok(None) };
        let Topic { bytes, length, whole } = topic;
        let at = bytes.end + 2;
        let mut head = Self { id, length, end: at, expiry: None };
        if has_properties {
            let Some(range) = properties::section(packet, at, whole)? else { return Ok(None) };
            if range.len() <= LONGEST_PROPERTIES {
                let Some(properties) = packet.get(range.clone()) else { return Ok(None) };
                head.end = range.end;
                head.expiry = properties::expiry(properties)
                    .map(|expiry| range.start + expiry.start..range.start + expiry.end);
            }
        }
        Ok(Some(head))
    }
}

/// The number of two bytes at that place. None: they are not there yet.
fn number(packet: &[u8], at: usize, whole: usize) -> Result<Option<u16>, Malformed> {
    if at + 2 > whole {
        return Err(Malformed);
    }
    Ok(packet.get(at..at + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]])))
}

/// What tells one message under a packet id from another: its length, and a hash of its topic, properties and payload.
///
/// It is compared with one other at a time, and the keys of the hash are random and never shown. So two messages of one
/// length are taken for each other once in 2^64 times, also by the design of whoever writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct Content {
    hash: u64,
    pub(in crate::client) length: usize,
}

/// The content of a packet that comes in pieces.
pub(in crate::client) struct Reading {
    hasher: DefaultHasher,
    length: usize,
}

impl Reading {
    /// Begins with what is there of a packet, up to its head's end at least.
    pub(in crate::client) fn begin(keys: &RandomState, packet: &[u8], head: &Head) -> Self {
        let mut reading = Self { hasher: keys.build_hasher(), length: head.length };
        // The body is at the end of the first bytes, which differ by the flag of a repetition.
        let body = 1 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        match &head.expiry {
            Some(expiry) => {
                reading.go_on(&packet[body..expiry.start]);
                reading.go_on(&packet[expiry.end..]);
            }
            None => reading.go_on(&packet[body..]),
        }
        reading
    }

    pub(in crate::client) fn go_on(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
    }

    pub(in crate::client) fn end(self) -> Content {
        Content { hash: self.hasher.finish(), length: self.length }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A PUBLISH packet; properties belong to version 5.
    pub(in crate::client) fn publish(
        first: u8,
        topic: &str,
        id: u16,
        properties: Option<&[u8]>,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut body = (topic.len() as u16).to_be_bytes().to_vec();
        body.extend(topic.as_bytes());
        body.extend(id.to_be_bytes());
        if let Some(properties) = properties {
            Number::write(properties.len(), &mut body);
            body.extend(properties);
        }
        body.extend(payload);
        let mut packet = vec![first];
        Number::write(body.len(), &mut packet);
        packet.extend(body);
        packet
    }

    pub(in crate::client) fn content_of(text: &str) -> Content {
        let mut hasher = DefaultHasher::new();
        hasher.write(text.as_bytes());
        Content { hash: hasher.finish(), length: text.len() }
    }

    fn head(packet: &[u8], has_properties: bool) -> Head {
        match Head::parse(packet, has_properties) {
            Parsed::Head(head) => head,
            other => panic!("{other:?}"),
        }
    }

    fn content(keys: &RandomState, packet: &[u8], has_properties: bool) -> Content {
        Reading::begin(keys, packet, &head(packet, has_properties)).end()
    }

    const EVERY_PROPERTY: &[u8] =
        b"\x01\x01\x23\0\x07\x08\0\x01r\x09\0\x02\0\xff\x26\0\x01k\0\x01v\x0b\x80\x01\x03\0\x01t\x02\0\0\0\x09";

    #[test]
    fn the_id_is_found_behind_the_topic() {
        assert_eq!(head(&publish(0x34, "a/b", 0x1234, None, b"x"), false).id, 0x1234);
        assert_eq!(head(&publish(0x34, "", 7, Some(EVERY_PROPERTY), b""), true).id, 7);
    }

    #[test]
    fn the_time_to_live_and_the_flag_of_a_repetition_are_no_content_and_all_else_is() {
        let keys = RandomState::new();
        let of = |packet: &[u8]| content(&keys, packet, true);
        let mut later = EVERY_PROPERTY.to_vec();
        *later.last_mut().unwrap() = 8;
        let first = of(&publish(0x34, "t", 1, Some(EVERY_PROPERTY), b"x"));
        assert_eq!(first, of(&publish(0x3c, "t", 1, Some(&later), b"x")));
        assert_ne!(first, of(&publish(0x34, "u", 1, Some(EVERY_PROPERTY), b"x")));
        assert_ne!(first, of(&publish(0x34, "t", 1, Some(EVERY_PROPERTY), b"y")));
        let mut other = EVERY_PROPERTY.to_vec();
        other[1] = 0;
        assert_ne!(first, of(&publish(0x34, "t", 1, Some(&other), b"x")));
    }

    #[test]
    fn properties_that_nobody_knows_are_content_as_they_are() {
        let packet = publish(0x34, "t", 1, Some(b"\x7f\x02\0\0\0\x09"), b"x");
        assert_eq!(head(&packet, true).expiry, None);
    }

    #[test]
    fn what_does_not_fit_into_its_packet_is_malformed() {
        for packet in [&b"\x34\x01\0"[..], b"\x34\x04\0\x09ab", b"\x34\x04\0\0\0\0", b"\x34\x04\0\x01t\0"] {
            let packet = [packet, b"next"].concat();
            assert_eq!(Head::parse(&packet, false), Parsed::Malformed, "{packet:?}");
        }
        assert_eq!(Head::parse(b"\x34\x06\0\x01t\0\x01\x09next", true), Parsed::Malformed);
        assert_eq!(Head::parse(b"\x34\x05\0\x01t\0\x01", true), Parsed::Malformed);
    }

    proptest! {
        #[test]
        fn a_packet_has_the_same_head_and_content_wherever_it_is_cut(
            topic in "[a-z/]{0,20}",
            id in 1u16..,
            payload in prop::collection::vec(any::<u8>(), 0..300),
            version5: bool,
            cut in any::<prop::sample::Index>(),
        ) {
            let packet = publish(0x34, &topic, id, version5.then_some(EVERY_PROPERTY), &payload);
            let whole = head(&packet, version5);
            let cut = cut.index(packet.len());
            match Head::parse(&packet[..cut], version5) {
                Parsed::Incomplete => prop_assert!(cut < whole.end),
                Parsed::Malformed => prop_assert!(false),
                Parsed::Head(head) => {
                    prop_assert_eq!(&head, &whole);
                    let keys = RandomState::new();
                    let mut reading = Reading::begin(&keys, &packet[..cut], &head);
                    reading.go_on(&packet[cut..]);
                    prop_assert_eq!(reading.end(), content(&keys, &packet, version5));
                }
            }
        }

        #[test]
        fn no_packet_is_too_malformed(bytes in prop::collection::vec(any::<u8>(), 0..60), version5: bool) {
            let _ = Head::parse(&bytes, version5);
        }
    }
}
