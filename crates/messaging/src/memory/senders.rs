use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::shared::Messages;
use crate::MessageEnvelope;

/// Messages that wait for room, in the order in which they came. Guarded by the queue's mutex.
///
/// Whoever makes room puts the first of them in and then tells its sender, which so wakes up once, and never in vain.
#[derive(Default)]
pub(super) struct Senders {
    waiting: VecDeque<Waiting>,
    /// Those that the end of a session left over, until their senders fetch them.
    left_over: VecDeque<Waiting>,
    /// Places are numbered, and no number is used twice.
    last: u64,
}

pub(super) struct Waiting {
    place: u64,
    pub(super) message: MessageEnvelope,
    /// Gone once there is an answer.
    sender: Option<oneshot::Sender<Answer>>,
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
        self.waiting.push_back(Waiting { place: self.last, message, sender: Some(sender) });
        (self.last, answer)
    }

    /// Leaves with the message; `None` where it is in the queue.
    pub(super) fn leave(&mut self, place: u64) -> Option<Waiting> {
        [&mut self.waiting, &mut self.left_over].into_iter().find_map(|line| {
            let index = line.binary_search_by_key(&place, |waiting| waiting.place).ok()?;
            line.remove(index)
        })
    }

    /// Puts in the first, where there is room.
    pub(super) fn admit(&mut self, storage: &mut Messages) -> Option<Told> {
        if !storage.has_room() {
            return None;
        }
        let waiting = self.waiting.pop_front()?;
        storage.push(waiting.message);
        Some(Told(waiting.sender?, Answer::Sent))
    }

    /// Sends all away. Their messages stay until they fetch them.
    pub(super) fn close(&mut self) -> Vec<Told> {
        let answers = self.waiting.iter_mut().filter_map(|waiting| waiting.sender.take());
        let told = answers.map(|sender| Told(sender, Answer::Closed)).collect();
        self.left_over.append(&mut self.waiting);
        told
    }
}
