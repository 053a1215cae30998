/// What happened in a storage besides what was asked for, to be counted and logged.
pub(in crate::memory) struct Events<M> {
    /// How many locks expired.
    pub(in crate::memory) expired: usize,
    /// New dead letters.
    pub(in crate::memory) dead: Vec<M>,
    /// Dead letters that gave way to them.
    pub(in crate::memory) dropped: Vec<M>,
}

impl<M> Events<M> {
    pub(super) fn is_empty(&self) -> bool {
        self.expired == 0 && self.dead.is_empty() && self.dropped.is_empty()
    }
}

impl<M> Default for Events<M> {
    fn default() -> Self {
        Self { expired: 0, dead: Vec::new(), dropped: Vec::new() }
    }
}
