/// The state of the connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// On the way to the first connection.
    Opening,
    /// Connected, and the broker has answered to all filters.
    Up {
        /// Each connection has another number.
        connection: u64,
        /// Counts the broker's sessions: one that was kept has the number that it had.
        session: u64,
    },
    /// Lost, and on the way back.
    Down,
    /// Lost for good.
    Lost,
}
