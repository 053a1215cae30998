use std::ops::Range;

use super::frames::{Malformed, Number};

const MESSAGE_EXPIRY: u8 = 0x02;
const SERVER_KEEP_ALIVE: u8 = 0x13;
const RECEIVE_MAXIMUM: u8 = 0x21;

/// One of the properties of a packet of version 5.
struct Property {
    kind: u8,
    /// Where its value is.
    value: Range<usize>,
    texts: Texts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    None,
    One,
    Two,
}

impl Property {
    /// The one that begins there.
    fn find(properties: &[u8], at: usize) -> Result<Self, Malformed> {
        let kind = *properties.get(at).ok_or(Malformed)?;
        let start = at + 1;
        let field = |at: usize| Ok(2 + usize::from(number(properties, at)?));
        let (length, texts) = match kind {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2A => (1, Texts::None),
            RECEIVE_MAXIMUM | SERVER_KEEP_ALIVE | 0x22 | 0x23 => (2, Texts::None),
            MESSAGE_EXPIRY | 0x11 | 0x18 | 0x27 => (4, Texts::None),
            0x0B => match Number::read(&properties[start..])? {
                Some((_, size)) => (size, Texts::None),
                None => return Err(Malformed),
            },
            0x09 | 0x16 => (field(start)?, Texts::None),
            0x03 | 0x08 | 0x12 | 0x15 | 0x1A | 0x1C | 0x1F => (field(start)?, Texts::One),
            0x26 => {
                let key = field(start)?;
                (key + field(start + key)?, Texts::Two)
            }
            _ => return Err(Malformed),
        };
        let value = start..start + length;
        if value.end > properties.len() {
            return Err(Malformed);
        }
        Ok(Self { kind, value, texts })
    }

    fn has_nul(&self, properties: &[u8]) -> Result<bool, Malformed> {
        let value = &properties[self.value.clone()];
        Ok(match self.texts {
            Texts::None => false,
            Texts::One => value[2..].contains(&0),
            Texts::Two => {
                let key = 2 + usize::from(number(value, 0)?);
                value[2..key].contains(&0) || value[key + 2..].contains(&0)
            }
        })
    }
}

fn number(bytes: &[u8], at: usize) -> Result<u16, Malformed> {
    let bytes = bytes.get(at..at + 2).ok_or(Malformed)?;
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Where the time to live stands in the properties of a message.
pub(super) fn expiry(properties: &[u8]) -> Option<Range<usize>> {
    find(properties, MESSAGE_EXPIRY)
}

/// How many messages at QoS 1 and 2 may be without an answer, in the properties of a CONNACK.
pub(super) fn receive_maximum(properties: &[u8]) -> Option<u16> {
    number(properties, find(properties, RECEIVE_MAXIMUM)?.start).ok()
}

/// Where the time of the signs of life stands in the properties of a CONNACK.
pub(super) fn keep_alive(properties: &[u8]) -> Option<Range<usize>> {
    find(properties, SERVER_KEEP_ALIVE)
}

/// Where the value of the first one of that kind is.
fn find(properties: &[u8], kind: u8) -> Option<Range<usize>> {
    let mut at = 0;
    while at < properties.len() {
        let property = Property::find(properties, at).ok()?;
        if property.kind == kind {
            return Some(property.value);
        }
        at = property.value.end;
    }
    None
}

/// Whether a text among these properties, which are all, has a NUL.
pub(super) fn have_nul(properties: &[u8]) -> Result<bool, Malformed> {
    let (mut at, mut found) = (0, false);
    while at < properties.len() {
        let property = Property::find(properties, at)?;
        found |= property.has_nul(properties)?;
        at = property.value.end;
    }
    Ok(found)
}

/// The properties that begin there with their length, in a packet that ends at `whole`. None: not all are there yet.
pub(super) fn section(packet: &[u8], at: usize, whole: usize) -> Result<Option<Range<usize>>, Malformed> {
    let bytes = packet.get(at..).unwrap_or_default();
    let Some((length, size)) = Number::read(bytes)? else {
        return if at + bytes.len() < whole { Ok(None) } else { Err(Malformed) };
    };
    let range = at + size..at + size + length;
    if range.end > whole { Err(Malformed) } else { Ok(Some(range)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_nul_is_found_in_every_text_and_nowhere_else() {
        for text in [0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F] {
            assert_eq!(have_nul(&[text, 0, 2, b'a', b'b', 0x01, 0]), Ok(false));
            assert_eq!(have_nul(&[text, 0, 2, b'a', 0, 0x01, 0]), Ok(true));
        }
        assert_eq!(have_nul(b"\x26\0\x01k\0\0"), Ok(false));
        assert_eq!(have_nul(b"\x26\0\x01\0\0\x01v"), Ok(true));
        assert_eq!(have_nul(b"\x26\0\x01k\0\x01\0"), Ok(true));
        assert_eq!(have_nul(b"\x09\0\x01\0\x16\0\x01\0\x0b\x80\0\x21\0\0\x02\0\0\0\0"), Ok(false));
        assert_eq!(have_nul(b""), Ok(false));
    }

    #[test]
    fn properties_that_nobody_knows_or_that_do_not_end_are_malformed() {
        for properties in [
            &b"\x7f"[..],
            b"\x01",
            b"\x21\0",
            b"\x02\0\0\0",
            b"\x0b\x80",
            b"\x0b\xff\xff\xff\xff",
            b"\x03\0",
            b"\x03\0\x02a",
            b"\x26\0\x01k",
            b"\x26\0\x01k\0\x02v",
            b"\x01\0\x09\0\x01",
        ] {
            assert_eq!(have_nul(properties), Err(Malformed), "{properties:?}");
        }
    }

    proptest! {
        #[test]
        fn no_properties_are_too_malformed(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (have_nul(&bytes), expiry(&bytes), section(&bytes, 0, bytes.len()));
        }
    }
}
