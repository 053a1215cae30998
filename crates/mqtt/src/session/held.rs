use std::collections::VecDeque;

use crate::{client::Delivery, topic};

/// How many messages of a kept session wait for a listener, at most.
pub(super) const MAX_HELD: usize = 10_000;

/// How many bytes of them, at most. The newest one is held whatever its size.
const MAX_HELD_BYTES: usize = 16 * 1024 * 1024;

/// The messages of a session that the broker kept which came before somebody listens to them.
#[derive(Default)]
pub(super) struct Held {
    messages: VecDeque<Delivery>,
    bytes: usize,
    /// The last message found no room.
    overflowing: bool,
}

/// Messages gave way to a newer one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) count: usize,
    /// There was room for the message before.
    pub(super) first_of_burst: bool,
}

impl Held {
    /// Adds a message at the end. Where there is no room, the oldest ones give way.
    pub(super) fn push(&mut self, delivery: Delivery) -> Option<Dropped> {
        self.bytes += delivery.memory();
        self.messages.push_back(delivery);
        let mut count = 0;
        while self.messages.len() > MAX_HELD || (self.bytes > MAX_HELD_BYTES && self.messages.len() > 1) {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.memory();
            count += 1;
        }
        let first_of_burst = !std::mem::replace(&mut self.overflowing, count > 0);
        (count > 0).then_some(Dropped { count, first_of_burst })
    }

    /// Takes the messages that match one of the filters, in the order in which they came.
    pub(super) fn take(&mut self, filters: &[String]) -> VecDeque<Delivery> {
        let matches =
            |delivery: &Delivery| filters.iter().any(|filter| topic::matches(filter, &delivery.topic));
        let (taken, left) = std::mem::take(&mut self.messages).into_iter().partition(matches);
        self.messages = left;
        self.bytes = self.messages.iter().map(Delivery::memory).sum();
        taken
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::client::MessageProperties;

    fn delivery(topic: &str, payload: impl Into<Bytes>) -> Delivery {
        Delivery { topic: topic.into(), payload: payload.into(), properties: MessageProperties::default() }
    }

    fn payloads(deliveries: VecDeque<Delivery>) -> Vec<String> {
        deliveries.iter().map(|delivery| String::from_utf8_lossy(&delivery.payload).into_owned()).collect()
    }

    fn dropped(count: usize, first_of_burst: bool) -> Option<Dropped> {
        Some(Dropped { count, first_of_burst })
    }

    #[test]
    fn messages_are_given_in_order_to_the_filters_that_match_and_the_others_stay() {
        let mut held = Held::default();
        for (topic, payload) in [("a/1", "1"), ("b", "2"), ("a/2", "3"), ("c", "4"), ("a/1", "5")] {
            assert_eq!(held.push(delivery(topic, payload)), None);
        }
        assert_eq!(payloads(held.take(&["x".into()])), [""; 0]);
        assert_eq!(payloads(held.take(&["$share/g/a/+".into(), "c".into()])), ["1", "3", "4", "5"]);
        assert_eq!(payloads(held.take(&["#".into()])), ["2"]);
        assert_eq!((held.len(), held.bytes), (0, 0));
    }

    #[test]
    fn the_oldest_give_way_to_more_messages_than_there_may_be_and_each_burst_is_told_once() {
        let mut held = Held::default();
        for number in 0..MAX_HELD {
            let topic = if number == 2 { "b" } else { "a" };
            assert_eq!(held.push(delivery(topic, number.to_string())), None);
        }
        assert_eq!(held.push(delivery("a", "more")), dropped(1, true));
        assert_eq!(held.push(delivery("a", "more")), dropped(1, false));
        assert_eq!(payloads(held.take(&["b".into()])), ["2"]);
        assert_eq!(held.push(delivery("a", "more")), None);
        assert_eq!(held.push(delivery("a", "more")), dropped(1, true));
        assert_eq!(held.len(), MAX_HELD);
        assert_eq!(payloads(held.take(&["a".into()]))[..2], ["4", "5"]);
    }

    #[test]
    fn large_messages_give_way_by_their_bytes_but_never_the_newest() {
        let mut held = Held::default();
        let third = vec![0; MAX_HELD_BYTES / 3];
        for _ in 0..2 {
            assert_eq!(held.push(delivery("a", third.clone())), None);
        }
        assert_eq!(held.push(delivery("a", third.clone())), dropped(1, true));
        assert_eq!(held.push(delivery("a", vec![0; 2 * MAX_HELD_BYTES])), dropped(2, false));
        assert_eq!(held.len(), 1);
        assert_eq!(held.push(delivery("a", "small")), dropped(1, false));
        assert_eq!(payloads(held.take(&["a".into()])), ["small"]);
    }
}
