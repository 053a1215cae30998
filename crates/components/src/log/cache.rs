use std::{collections::VecDeque, mem};

use super::LogMessage;

/// Messages that wait to be saved, the oldest first. Where there is no room, the oldest are dropped.
pub(super) struct MessageCache {
    messages: VecDeque<LogMessage>,
    max_size: usize,
    /// How many were dropped since that was told.
    dropped: usize,
}

impl MessageCache {
    pub(super) fn new(max_size: usize) -> Self {
        Self { messages: VecDeque::new(), max_size, dropped: 0 }
    }

    pub(super) fn set_max_size(&mut self, max_size: usize) {
        self.max_size = max_size;
        self.shrink();
    }

    pub(super) fn push(&mut self, message: LogMessage) {
        self.messages.push_back(message);
        self.shrink();
    }

    pub(super) fn is_half_full(&self) -> bool {
        self.messages.len() >= self.max_size.div_ceil(2)
    }

    /// Takes all messages out, and how many were dropped before them.
    pub(super) fn take(&mut self) -> (Vec<LogMessage>, usize) {
        (mem::take(&mut self.messages).into(), mem::take(&mut self.dropped))
    }

    /// Puts messages that were taken out back in front of those that came since.
    pub(super) fn put_back(&mut self, mut messages: Vec<LogMessage>, dropped: usize) {
        messages.extend(mem::take(&mut self.messages));
        self.messages = messages.into();
        self.dropped += dropped;
        self.shrink();
    }

    fn shrink(&mut self) {
        let excess = self.messages.len().saturating_sub(self.max_size);
        drop(self.messages.drain(..excess));
        self.dropped += excess;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn message(text: &str) -> LogMessage {
        from_value(json!({"time": "2026-01-31", "level": "INFO", "message": text})).unwrap()
    }

    fn cache(max_size: usize, texts: &[&str]) -> MessageCache {
        let mut cache = MessageCache::new(max_size);
        texts.iter().for_each(|text| cache.push(message(text)));
        cache
    }

    fn taken(cache: &mut MessageCache) -> (Vec<String>, usize) {
        let (messages, dropped) = cache.take();
        (messages.into_iter().map(|message| message.message).collect(), dropped)
    }

    #[test]
    fn where_there_is_no_room_the_oldest_are_dropped_and_counted_once() {
        let mut cache = cache(3, &["1", "2", "3", "4", "5"]);
        assert_eq!(taken(&mut cache), (vec!["3".into(), "4".into(), "5".into()], 2));
        assert_eq!(taken(&mut cache), (vec![], 0));
    }

    #[test]
    fn what_is_put_back_goes_in_front_and_counts_towards_the_bound() {
        let mut cache = cache(3, &["1", "2", "3", "4"]);
        let (messages, dropped) = cache.take();
        cache.push(message("5"));
        cache.put_back(messages, dropped);
        assert_eq!(taken(&mut cache), (vec!["3".into(), "4".into(), "5".into()], 2));
    }

    #[test]
    fn a_smaller_bound_drops_the_oldest_at_once() {
        let mut cache = cache(3, &["1", "2", "3"]);
        cache.set_max_size(1);
        assert_eq!(taken(&mut cache), (vec!["3".into()], 2));
    }

    #[test]
    fn half_of_an_odd_number_is_the_larger_half() {
        assert!(!cache(5, &["1", "2"]).is_half_full() && cache(5, &["1", "2", "3"]).is_half_full());
        assert!(!cache(1, &[]).is_half_full() && cache(1, &["1"]).is_half_full());
    }
}
