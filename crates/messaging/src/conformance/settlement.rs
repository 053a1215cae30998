use pip_services_commons::errors::ApplicationError;

use super::{
    case::{Case, CaseResult},
    pace::PATIENCE,
    subject::Subject,
};
use crate::{MessageEnvelope, MessagingCapabilities};

/// A way to settle a message that was received.
#[derive(Debug, Clone, Copy)]
pub(super) enum Settlement {
    Complete,
    Abandon,
    DeadLetter,
}

impl Settlement {
    /// Those that a queue has.
    pub(super) fn of(capabilities: &MessagingCapabilities) -> Vec<Self> {
        let has = |settlement: &Self| match settlement {
            Self::Complete => true,
            Self::Abandon => capabilities.can_abandon,
            Self::DeadLetter => capabilities.can_dead_letter,
        };
        [Self::Complete, Self::Abandon, Self::DeadLetter].into_iter().filter(has).collect()
    }

    /// What a failure calls it.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Complete => "it was completed",
            Self::Abandon => "it was abandoned",
            Self::DeadLetter => "it was moved to the dead letters",
        }
    }

    /// What the queue makes of it in time.
    pub(super) async fn settle(
        self,
        case: &Case,
        subject: &Subject,
        envelope: &mut MessageEnvelope,
    ) -> CaseResult<Result<(), ApplicationError>> {
        let queue = &subject.queue;
        match self {
            Self::Complete => case.within(PATIENCE, "complete", queue.complete(envelope)).await,
            Self::Abandon => case.within(PATIENCE, "abandon", queue.abandon(envelope)).await,
            Self::DeadLetter => {
                case.within(PATIENCE, "move_to_dead_letter", queue.move_to_dead_letter(envelope)).await
            }
        }
    }
}
