/// The state of the connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// On the way to the first connection, with which the broker has answered to all filters.
    Opening {
        /// The number of the last one that was lost on that way; zero where there is none.
        lost: u64,
    },
    /// Connected, and the broker has answered to all filters.
    Up {
        /// The number of the broker's endpoint.
        broker: usize,
        /// The number of the connection. Each has another one.
        connection: u64,
        /// Counts the broker's sessions: one that was kept has the number that it had.
        session: u64,
    },
    /// Lost, and on the way back.
    Down,
    /// Lost for good.
    Lost,
}

impl Link {
    /// The number of the endpoint whose broker is connected.
    pub(super) fn broker(&self) -> Option<usize> {
        match self {
            Self::Up { broker, .. } => Some(*broker),
            _ => None,
        }
    }

    /// Whether the first connection, which has that number, was lost before it was up.
    pub(super) fn is_lost_at_first(&self, connection: u64) -> bool {
        match self {
            Self::Opening { lost } => *lost == connection,
            _ => true,
        }
    }
}
