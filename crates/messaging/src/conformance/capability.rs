use crate::MessagingCapabilities;

/// One flag of a queue's capabilities. `can_clear` is not among them: clearing is no operation of the queue
/// interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capability {
    MessageCount,
    Send,
    Receive,
    Peek,
    PeekBatch,
    RenewLock,
    Abandon,
    DeadLetter,
}

impl Capability {
    pub(super) const ALL: [Self; 8] = [
        Self::MessageCount,
        Self::Send,
        Self::Receive,
        Self::Peek,
        Self::PeekBatch,
        Self::RenewLock,
        Self::Abandon,
        Self::DeadLetter,
    ];

    pub(super) fn is_in(self, capabilities: &MessagingCapabilities) -> bool {
        match self {
            Self::MessageCount => capabilities.can_message_count,
            Self::Send => capabilities.can_send,
            Self::Receive => capabilities.can_receive,
            Self::Peek => capabilities.can_peek,
            Self::PeekBatch => capabilities.can_peek_batch,
            Self::RenewLock => capabilities.can_renew_lock,
            Self::Abandon => capabilities.can_abandon,
            Self::DeadLetter => capabilities.can_dead_letter,
        }
    }

    /// Those of the given ones that a queue lacks.
    pub(super) fn missing(wanted: &[Self], capabilities: &MessagingCapabilities) -> Vec<Self> {
        wanted.iter().copied().filter(|capability| !capability.is_in(capabilities)).collect()
    }
}
