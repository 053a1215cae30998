use std::sync::Arc;

use crate::client::replies::Replies;

/// Whether messages of a kept session are taken, and confirmed to the broker, which sends what is not confirmed again on the
/// next connection.
#[derive(Default)]
pub(super) struct Intake {
    stage: Stage,
    /// How many messages at QoS 1 and 2 this connection's client was given and has not confirmed.
    on_way: usize,
    /// The client's confirmations while nobody may be there to take the messages.
    withheld: Vec<u8>,
    /// Where they go once somebody is.
    replies: Option<Arc<Replies>>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The session is being opened, which can fail.
    #[default]
    Opening,
    Open,
    Stopped,
}

impl Intake {
    /// Another connection.
    pub(super) fn connect(&mut self) {
        self.on_way = 0;
        self.withheld.clear();
    }

    pub(super) fn is_opening(&self) -> bool {
        self.stage == Stage::Opening
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stage == Stage::Stopped
    }

    pub(super) fn stop(&mut self) {
        self.stage = Stage::Stopped;
    }

    pub(super) fn accept(&mut self) {
        if self.is_opening() {
            self.stage = Stage::Open;
            let withheld = std::mem::take(&mut self.withheld);
            if let Some(replies) = self.replies.take().filter(|_| !withheld.is_empty()) {
                replies.push(&withheld);
            }
        }
    }

    /// The client is given a message.
    pub(super) fn passed(&mut self) {
        self.on_way += 1;
    }

    /// The client has confirmed a message, or all of them never will be.
    pub(super) fn confirmed(&mut self, all: bool) {
        self.on_way = if all { 0 } else { self.on_way.saturating_sub(1) };
    }

    pub(super) fn is_behind(&self) -> bool {
        self.on_way > 0
    }

    /// Keeps a confirmation while the session is being opened. False: it is to go on.
    pub(super) fn withhold(&mut self, packet: &[u8], replies: &Arc<Replies>) -> bool {
        let withholds = self.is_opening();
        if withholds {
            self.withheld.extend_from_slice(packet);
            self.replies = Some(replies.clone());
        }
        withholds
    }
}
