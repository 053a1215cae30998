use std::sync::Arc;

use super::Answers;
use crate::client::packets::{
    Beside, Fate, Head, PUBLISH, Parsed, Rules, SUBACK, SUBSCRIBE, UNSUBACK, UNSUBSCRIBE, first_number, qos,
};

/// Notes the messages at QoS 1 and 2 that the client writes, and what else has an id, beside other rules.
pub(in crate::client) struct Written<R> {
    answers: Arc<Answers>,
    others: Beside<R>,
}

impl<R> Written<R> {
    pub(in crate::client) fn new(answers: Arc<Answers>, others: Option<R>) -> Self {
        Self { answers, others: Beside::new(others) }
    }
}

fn is_message(first: u8) -> bool {
    first >> 4 == PUBLISH && qos(first) != 0
}

/// Whether a packet asks for a subscription or its end.
fn is_request(first: u8) -> bool {
    matches!(first, SUBSCRIBE | UNSUBSCRIBE)
}

impl<R: Rules> Rules for Written<R> {
    fn concerns(&mut self, first: u8) -> bool {
        // Asked of each packet, once.
        let concerned = self.others.concerns(first);
        concerned || is_message(first) || is_request(first)
    }

    fn decide(&mut self, packet: &mut [u8], ended: bool) -> Fate {
        let first = packet[0];
        if is_request(first) {
            let Some(id) = first_number(packet) else { return Fate::Hold };
            self.answers.asked(id, if first == SUBSCRIBE { SUBACK } else { UNSUBACK });
            return Fate::Pass;
        }
        // No property is looked at.
        let id = match is_message(first).then(|| Head::parse(packet, false)) {
            Some(Parsed::Incomplete) if !ended => return Fate::Hold,
            Some(Parsed::Head(head)) => Some(head.id),
            Some(Parsed::Incomplete | Parsed::Malformed) => {
                self.answers.end();
                None
            }
            None => None,
        };
        let fate = self.others.decide(packet, ended);
        if let Some(id) = id.filter(|_| fate != Fate::Hold) {
            self.answers.written(id, qos(first));
        }
        fate
    }

    fn follow(&mut self, bytes: &[u8], ended: bool) {
        self.others.follow(bytes, ended);
    }
}
