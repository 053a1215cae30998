use crate::MessagingCapabilities;

/// One flag of a queue's capabilities.
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
    Clear,
}

impl Capability {
    pub(super) const ALL: [Self; 9] = [
        Self::MessageCount,
        Self::Send,
        Self::Receive,
        Self::Peek,
        Self::PeekBatch,
        Self::RenewLock,
        Self::Abandon,
        Self::DeadLetter,
        Self::Clear,
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
            Self::Clear => capabilities.can_clear,
        }
    }

    /// The operation that it allows, the first where there are several.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::MessageCount => "read_message_count",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Peek => "peek",
            Self::PeekBatch => "peek_batch",
            Self::RenewLock => "renew_lock",
            Self::Abandon => "abandon",
            Self::DeadLetter => "move_to_dead_letter",
            Self::Clear => "clear",
        }
    }

    /// Those that a queue lacks of which it needs one of each group.
    pub(super) fn missing(needs: &[&[Self]], capabilities: &MessagingCapabilities) -> Vec<Self> {
        let lacks = |group: &&&[Self]| group.iter().all(|capability| !capability.is_in(capabilities));
        needs.iter().filter(lacks).flat_map(|group| group.iter().copied()).collect()
    }
}
