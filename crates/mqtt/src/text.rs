/// The most bytes that a text or a field of bytes has in MQTT.
pub(crate) const LONGEST: usize = u16::MAX as usize;

/// Whether brokers close the connection of who sends a text with that character: control characters, and those that
/// Unicode promises to be none.
pub(crate) fn is_forbidden(c: char) -> bool {
    let code = u32::from(c);
    c.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}
