use std::ops::Range;

use super::frames::{Framing, Length};

/// What becomes of what a filter took.
#[derive(Debug, PartialEq, Eq)]
enum Segment {
    /// A part of the input is passed on as it is.
    Input(Range<usize>),
    /// This is passed on.
    Own(Vec<u8>),
}

/// What is to be passed on, in this order.
#[derive(Debug, Default)]
pub(in crate::client) struct Output(Vec<Segment>);

impl Output {
    /// What is to be passed on of that input, piece by piece.
    pub(in crate::client) fn pieces<'a>(&'a self, input: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().map(|segment| match segment {
            Segment::Input(range) => &input[range.clone()],
            Segment::Own(bytes) => bytes,
        })
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn pass(&mut self, range: Range<usize>) {
        match self.0.last_mut() {
            Some(Segment::Input(last)) if last.end == range.start => last.end = range.end,
            _ => self.0.push(Segment::Input(range)),
        }
    }

    fn own(&mut self, bytes: Vec<u8>) {
        self.0.push(Segment::Own(bytes));
    }
}

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) enum Fate {
    /// More of it has to be there.
    Hold,
    Pass,
    /// It is passed on behind these packets.
    Behind(Vec<u8>),
    /// It is passed on, and its rules follow what is still to come.
    Follow,
    Swallow,
    /// It is none, and nothing is passed on from here on.
    Refuse,
}

/// What a filter does with packets.
pub(in crate::client) trait Rules {
    /// Whether a packet with that first byte has to be looked at. The others are passed on as they are.
    fn concerns(&mut self, first: u8) -> bool;

    /// Decides on a packet by its beginning, with its length at least, which it may change. `ended`: it is all that
    /// comes.
    fn decide(&mut self, packet: &mut [u8], ended: bool) -> Fate;

    /// More of a packet that is followed.
    fn follow(&mut self, bytes: &[u8], ended: bool);
}

/// Passes a stream of packets on, and asks its rules about those that concern them. Only of these something is kept, where
/// the stream is cut before it can be decided.
pub(in crate::client) struct Filter<R> {
    framing: Framing,
    fate: Fate,
    held: Vec<u8>,
    rules: R,
}

impl<R: Rules> Filter<R> {
    pub(in crate::client) fn new(rules: R) -> Self {
        Self { framing: Framing::default(), fate: Fate::Pass, held: Vec::new(), rules }
    }

    /// Whether something else may be written, between two packets.
    pub(in crate::client) fn is_between(&self) -> bool {
        self.framing.at_start()
    }

    /// Whether the stream came to something that is no packet.
    pub(in crate::client) fn has_refused(&self) -> bool {
        self.fate == Fate::Refuse
    }

    pub(in crate::client) fn rules(&mut self) -> &mut R {
        &mut self.rules
    }

    /// Puts out what becomes of the next piece of the stream, and nothing else.
    pub(in crate::client) fn filter(&mut self, input: &mut [u8], output: &mut Output) {
        output.clear();
        let mut at = 0;
        while at < input.len() && !self.has_refused() {
            if self.framing.at_start() {
                self.fate = if self.rules.concerns(input[at]) { Fate::Hold } else { Fate::Pass };
            }
            let part = self.framing.advance(&input[at..]);
            let range = at..at + part.length;
            at = range.end;
            match self.fate {
                Fate::Pass | Fate::Behind(_) => output.pass(range),
                Fate::Follow => {
                    self.rules.follow(&input[range.clone()], part.ended);
                    output.pass(range);
                }
                Fate::Swallow | Fate::Refuse => {}
                Fate::Hold => self.decide(input, range, part.ended, output),
            }
        }
    }

    fn decide(&mut self, input: &mut [u8], range: Range<usize>, ended: bool, output: &mut Output) {
        let is_whole = self.held.is_empty();
        let packet = if is_whole {
            &mut input[range.clone()]
        } else {
            self.held.extend_from_slice(&input[range.clone()]);
            &mut self.held
        };
        self.fate = match self.framing.length() {
            Length::Unknown => Fate::Hold,
            Length::Known => self.rules.decide(packet, ended),
            Length::Malformed => Fate::Pass,
        };
        match &mut self.fate {
            Fate::Hold if !ended && is_whole => return self.held.extend_from_slice(&input[range]),
            Fate::Hold if !ended => return,
            Fate::Swallow | Fate::Refuse => return self.held.clear(),
            Fate::Behind(first) => output.own(std::mem::take(first)),
            // What ends too early is for its reader to judge.
            Fate::Pass | Fate::Follow | Fate::Hold => {}
        }
        match is_whole {
            true => output.pass(range),
            false => output.own(std::mem::take(&mut self.held)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What comes out of a filter when a stream is cut into pieces of that length.
    pub(in crate::client) fn filtered<R: Rules>(
        filter: &mut Filter<R>,
        stream: &[u8],
        piece: usize,
    ) -> Vec<u8> {
        let mut written = Vec::new();
        for input in stream.to_vec().chunks_mut(piece) {
            let mut output = Output::default();
            filter.filter(input, &mut output);
            output.pieces(input).for_each(|piece| written.extend(piece));
        }
        written
    }

    /// Looks at packets of the type 5 only, of which it needs the third byte.
    struct Third;

    impl Rules for Third {
        fn concerns(&mut self, first: u8) -> bool {
            first >> 4 == 5
        }

        fn decide(&mut self, packet: &mut [u8], _: bool) -> Fate {
            match packet.get(2) {
                None => Fate::Hold,
                Some(0) => Fate::Swallow,
                Some(2) => Fate::Behind(b"\x40\x02\0\0".to_vec()),
                Some(3) => Fate::Refuse,
                Some(_) => {
                    packet[0] = 0x60;
                    Fate::Pass
                }
            }
        }

        fn follow(&mut self, _: &[u8], _: bool) {}
    }

    #[test]
    fn packets_are_passed_changed_and_swallowed_however_they_come() {
        let stream = b"\x30\x03abc\x50\x02\x00x\x30\x00\x50\x03\x01xy\x50\x00\x50\x02\x02x\x30\x01z";
        let expected = b"\x30\x03abc\x30\x00\x60\x03\x01xy\x50\x00\x40\x02\0\0\x50\x02\x02x\x30\x01z";
        for piece in 1..=stream.len() {
            assert_eq!(filtered(&mut Filter::new(Third), stream, piece), expected, "{piece}");
        }
    }

    #[test]
    fn nothing_is_passed_on_from_what_is_refused_on() {
        let stream = b"\x30\x01a\x50\x03\x03xy\x30\x01b\x50\x02\x01x";
        for piece in 1..=stream.len() {
            let mut filter = Filter::new(Third);
            assert_eq!(filtered(&mut filter, stream, piece), b"\x30\x01a", "{piece}");
            assert!(filter.has_refused());
        }
    }

    #[test]
    fn what_is_passed_is_one_piece_and_not_copied() {
        let mut stream = *b"\x30\x03abc\x40\x02\x00x\x50\x02\x01x\x30\x05ab";
        let mut output = Output::default();
        Filter::new(Third).filter(&mut stream, &mut output);
        assert_eq!(output.0, [Segment::Input(0..stream.len())]);
    }

    #[test]
    fn a_stream_that_is_none_of_packets_is_passed_on() {
        let stream = b"\x50\xff\xff\xff\xff\x50\x02\x00x";
        for piece in 1..=stream.len() {
            assert_eq!(filtered(&mut Filter::new(Third), stream, piece), stream);
        }
    }
}
