//! The packets of a stream that passes through.

mod beside;
mod filter;
mod frames;
mod properties;
mod publish;

pub(super) use self::{
    beside::Beside,
    filter::{Fate, Filter, Output, Rules},
    frames::{Malformed, Number},
    publish::{Content, Head, Parsed, Reading, Topic},
};

pub(super) const PUBLISH: u8 = 3;
pub(super) const CONNACK: u8 = 0x20;
pub(super) const PUBACK: u8 = 0x40;
pub(super) const PUBREC: u8 = 0x50;
pub(super) const PUBREL: u8 = 0x62;
pub(super) const PUBCOMP: u8 = 0x70;
pub(super) const SUBSCRIBE: u8 = 0x82;
pub(super) const SUBACK: u8 = 0x90;
pub(super) const UNSUBSCRIBE: u8 = 0xa2;
pub(super) const UNSUBACK: u8 = 0xb0;
pub(super) const PINGREQ: u8 = 0xc0;
pub(super) const PINGRESP: u8 = 0xd0;
pub(super) const DISCONNECT: u8 = 0xe0;

/// The QoS of a PUBLISH packet with that first byte.
pub(super) fn qos(first: u8) -> u8 {
    first >> 1 & 3
}

pub(super) fn is_repetition(first: u8) -> bool {
    first & 8 != 0
}

/// Whether a broker may begin a packet with that byte: of each kind but messages the lower half is fixed. AUTH is only for clients
/// that began with it.
pub(super) fn is_from_broker(first: u8) -> bool {
    let kinds = [CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, PINGRESP, DISCONNECT];
    kinds.contains(&first) || (first >> 4 == PUBLISH && qos(first) < 3)
}

/// A packet that answers to a message with that id, or releases it.
pub(super) fn answer(first: u8, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [first, 2, high, low]
}

/// The two bytes that follow a packet's length, when they are there.
pub(super) fn first_number(packet: &[u8]) -> Option<u16> {
    let (length, size) = Number::read(packet.get(1..)?).ok()??;
    let bytes = packet.get(1 + size..3 + size).filter(|_| length >= 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// How many messages at QoS 1 and 2 may be without an answer, where a CONNACK says so, which is there in full.
pub(super) fn receive_maximum(packet: &[u8]) -> Option<u16> {
    let (_, size) = Number::read(packet.get(1..)?).ok()??;
    // Version 3.1.1 has no properties.
    let range = properties::section(packet, 1 + size + 2, packet.len()).ok()??;
    properties::receive_maximum(&packet[range])
}

/// Takes the seconds between signs of life from a CONNACK that has them and is there in full, and leaves the longest time in their
/// place.
pub(super) fn take_keep_alive(packet: &mut [u8]) -> Option<u16> {
    let (_, size) = Number::read(packet.get(1..)?).ok()??;
    // Version 3.1.1 has no properties.
    let range = properties::section(packet, 1 + size + 2, packet.len()).ok()??;
    let properties = &mut packet[range];
    let seconds = properties::keep_alive(properties)?;
    let seconds: &mut [u8; 2] = (&mut properties[seconds]).try_into().ok()?;
    Some(u16::from_be_bytes(std::mem::replace(seconds, u16::MAX.to_be_bytes())))
}

/// Whether a packet of version 5 which is there in full, and is no message, has a text with a NUL among its properties.
pub(super) fn has_nul(packet: &[u8]) -> Result<bool, Malformed> {
    let Some((length, size)) = packet.get(1..).map_or(Ok(None), Number::read)? else {
        return Err(Malformed);
    };
    // What comes before them. Most can end there.
    let (before, can_end) = match packet[0] & 0xf0 {
        CONNACK => (2, false),
        SUBACK | UNSUBACK => (2, false),
        PUBACK | PUBREC | PUBCOMP => (3, true),
        first if first == PUBREL & 0xf0 => (3, true),
        DISCONNECT => (1, true),
        _ => return Ok(false),
    };
    if can_end && length <= before {
        return Ok(false);
    }
    match properties::section(packet, 1 + size + before, packet.len())? {
        Some(range) => properties::have_nul(&packet[range]),
        None => Err(Malformed),
    }
}

#[cfg(test)]
pub(super) mod tests {
    pub(in crate::client) use super::{
        filter::tests::filtered,
        publish::tests::{content_of, publish},
    };
}
