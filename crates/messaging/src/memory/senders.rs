use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::shared::Messages;
use crate::MessageEnvelope;

/// Messages that wait for room, in the order in which they came. Guarded by the queue's mutex.
///
/// Whoever makes room puts the first of them in and then tells its sender, which so wakes up once, and never in vain.
#[derive(Default)]
pub(super) struct Senders {
    waiting: VecDeque<(u64, MessageEnvelope, oneshot::Sender<Answer>)>,
    /// Those that the end of a session left over, until their senders fetch them.
    left_over: VecDeque<(u64, MessageEnvelope)>,
    /// Places are numbered, and no number is used twice.
    last: u64,
}

/// What a sender that waits is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The message is in.
    Sent,
    /// The queue was closed.
    Closed,
}

/// An answer that is to be told when the mutex is free.
pub(super) struct Told(oneshot::Sender<Answer>, Answer);

impl Told {
    pub(super) fn tell(self) {
        // Who waits no longer needs no answer.
        let _ = self.0.send(self.1);
    }
}

impl Senders {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Joins at the end. Gives the number of the place, and where the answer comes.
    pub(super) fn wait(&mut self, message: MessageEnvelope) -> (u64, oneshot::Receiver<Answer>) {
        let (sender, answer) = oneshot::channel();
        self.last += 1;
        self.waiting.push_back((self.last, message, sender));
        (self.last, answer)
    }

    /// Leaves with the message; `None` where it is in the queue.
    pub(super) fn leave(&mut self, place: u64) -> Option<MessageEnvelope> {
        if let Ok(index) = self.waiting.binary_search_by_key(&place, |waiting| waiting.0) {
            return self.waiting.remove(index).map(|(_, message, _)| message);
        }
        let index = self.left_over.binary_search_by_key(&place, |waiting| waiting.0).ok()?;
        self.left_over.remove(index).map(|(_, message)| message)
    }

    /// Puts in the first, where there is room.
    pub(super) fn admit(&mut self, storage: &mut Messages) -> Option<Told> {
        if !storage.has_room() {
            return None;
        }
        let (_, message, sender) = self.waiting.pop_front()?;
        storage.push(message);
        Some(Told(sender, Answer::Sent))
    }

    /// Sends all away. Their messages stay until they fetch them.
    pub(super) fn close(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        for (place, message, sender) in self.waiting.drain(..) {
            self.left_over.push_back((place, message));
            told.push(Told(sender, Answer::Closed));
        }
        told
    }
}
