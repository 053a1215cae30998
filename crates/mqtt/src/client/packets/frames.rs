/// The longest length of a packet takes so many bytes.
const LONGEST_LENGTH: u32 = 4;

/// A number of more bytes than a number can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct Malformed;

/// A number of as many bytes as it needs, while they come one by one.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::client) struct Number {
    value: usize,
    bytes: u32,
}

impl Number {
    /// Takes the next byte. With the last one it gives the number.
    pub(in crate::client) fn push(&mut self, byte: u8) -> Result<Option<usize>, Malformed> {
        self.value |= usize::from(byte & 0x7f) << (7 * self.bytes);
        self.bytes += 1;
        match byte & 0x80 == 0 {
            true => Ok(Some(self.value)),
            false if self.bytes == LONGEST_LENGTH => Err(Malformed),
            false => Ok(None),
        }
    }

    /// The number that some bytes begin with, and how many of them it takes. None: there are not enough.
    pub(in crate::client) fn read(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
        let mut number = Self::default();
        for (index, byte) in bytes.iter().enumerate() {
            if let Some(value) = number.push(*byte)? {
                return Ok(Some((value, index + 1)));
            }
        }
        Ok(None)
    }

    pub(in crate::client) fn write(mut value: usize, to: &mut Vec<u8>) {
        while value > 0x7f {
            to.push(0x80 | (value & 0x7f) as u8);
            value >>= 7;
        }
        to.push(value as u8);
    }
}

/// Where the packets of a stream begin and end, whatever pieces it comes in.
#[derive(Default)]
pub(in crate::client) struct Framing(State);

#[derive(Default)]
enum State {
    #[default]
    Start,
    Length(Number),
    Body(usize),
    /// The stream is none of packets: whoever reads it has to judge.
    Lost,
}

/// As much of the input as belongs to one packet.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) struct Part {
    pub(in crate::client) length: usize,
    /// Whether the packet ends with it.
    pub(super) ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Length {
    Unknown,
    Known,
    Malformed,
}

impl Framing {
    /// Whether the next byte is the first one of a packet.
    pub(in crate::client) fn at_start(&self) -> bool {
        matches!(self.0, State::Start)
    }

    /// What is known of the length of the packet that the last part belongs to.
    pub(in crate::client) fn length(&self) -> Length {
        match self.0 {
            State::Length(_) => Length::Unknown,
            State::Start | State::Body(_) => Length::Known,
            State::Lost => Length::Malformed,
        }
    }

    /// Goes on by as much of the input as belongs to the packet in which it begins.
    pub(in crate::client) fn advance(&mut self, input: &[u8]) -> Part {
        let mut at = 0;
        while at < input.len() {
            match &mut self.0 {
                State::Start => {
                    self.0 = State::Length(Number::default());
                    at += 1;
                }
                State::Length(number) => {
                    let length = number.push(input[at]);
                    at += 1;
                    match length {
                        Ok(Some(0)) => return self.end(at),
                        Ok(Some(length)) => self.0 = State::Body(length),
                        Ok(None) => {}
                        Err(Malformed) => self.0 = State::Lost,
                    }
                }
                State::Body(left) => {
                    let taken = (*left).min(input.len() - at);
                    *left -= taken;
                    at += taken;
                    if *left == 0 {
                        return self.end(at);
                    }
                }
                State::Lost => at = input.len(),
            }
        }
        Part { length: at, ended: false }
    }

    fn end(&mut self, length: usize) -> Part {
        self.0 = State::Start;
        Part { length, ended: true }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where packets end in a stream that comes in pieces of these lengths, the last one over and over.
    fn ends(stream: &[u8], pieces: &[usize]) -> Vec<usize> {
        let (mut framing, mut ends, mut at) = (Framing::default(), Vec::new(), 0);
        let mut pieces = pieces.iter().copied().chain(std::iter::repeat(*pieces.last().unwrap()));
        while at < stream.len() {
            let mut piece = &stream[at..stream.len().min(at + pieces.next().unwrap())];
            while !piece.is_empty() {
                let part = framing.advance(piece);
                assert!(part.length > 0);
                at += part.length;
                piece = &piece[part.length..];
                if part.ended {
                    assert!(framing.at_start());
                    ends.push(at);
                }
            }
        }
        ends
    }

    #[test]
    fn packets_end_where_their_lengths_say() {
        let long = [&[0x30, 0x80, 0x01][..], &[0xff; 128]].concat();
        let stream = [&[0xd0, 0][..], &[0x40, 2, 0, 1], &long, &[0xc0, 0]].concat();
        assert_eq!(ends(&stream, &[stream.len()]), [2, 6, 137, 139]);
    }

    #[test]
    fn a_length_that_does_not_end_is_lost_and_no_packet_ends_any_more() {
        let mut framing = Framing::default();
        let stream = [0x30, 0xff, 0xff, 0xff, 0xff, 0, 0xd0, 0];
        assert_eq!(framing.advance(&stream), Part { length: 8, ended: false });
        assert_eq!((framing.length(), framing.at_start()), (Length::Malformed, false));
    }

    proptest! {
        #[test]
        fn a_number_comes_back_as_it_was_written(value in 0usize..268_435_456) {
            let mut bytes = Vec::new();
            Number::write(value, &mut bytes);
            let length = bytes.len();
            bytes.push(0xff);
            prop_assert_eq!(Number::read(&bytes), Ok(Some((value, length))));
            prop_assert_eq!(Number::read(&bytes[..length - 1]), Ok(None));
        }

        #[test]
        fn packets_end_at_the_same_places_however_the_stream_is_cut(
            bodies in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 1..8),
            pieces in prop::collection::vec(1usize..200, 1..20),
        ) {
            let (mut stream, mut expected) = (Vec::new(), Vec::new());
            for (first, body) in &bodies {
                stream.push(*first);
                Number::write(body.len(), &mut stream);
                stream.extend(body);
                expected.push(stream.len());
            }
            prop_assert_eq!(ends(&stream, &pieces), expected);
        }

        #[test]
        fn no_stream_is_too_malformed(
            stream in prop::collection::vec(any::<u8>(), 0..500),
            pieces in prop::collection::vec(1usize..50, 1..20),
        ) {
            prop_assert_eq!(ends(&stream, &pieces), ends(&stream, &[1000]));
        }
    }
}
