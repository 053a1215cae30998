use super::{Fate, Rules};

/// Rules that are asked after those of whoever has them, where there are any.
pub(in crate::client) struct Beside<R> {
    rules: Option<R>,
    /// Whether the packet at hand concerns them.
    concerned: bool,
}

impl<R> Beside<R> {
    pub(in crate::client) fn new(rules: Option<R>) -> Self {
        Self { rules, concerned: false }
    }
}

impl<R: Rules> Rules for Beside<R> {
    fn concerns(&mut self, first: u8) -> bool {
        self.concerned = self.rules.as_mut().is_some_and(|rules| rules.concerns(first));
        self.concerned
    }

    fn decide(&mut self, packet: &mut [u8], ended: bool) -> Fate {
        match &mut self.rules {
            Some(rules) if self.concerned => rules.decide(packet, ended),
            _ => Fate::Pass,
        }
    }

    fn follow(&mut self, bytes: &[u8], ended: bool) {
        if let Some(rules) = &mut self.rules {
            rules.follow(bytes, ended);
        }
    }
}
