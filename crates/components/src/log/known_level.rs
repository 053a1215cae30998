use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{ILogger, LogLevel};

/// How often the level of a logger, or the loggers of a composite, changed in this process.
static CHANGES: AtomicU32 = AtomicU32::new(0);

/// Makes what is known of any level outdated. To be called after each change.
pub(super) fn changed() {
    CHANGES.fetch_add(1, Ordering::Release);
}

/// A logger that calls [`changed`] whenever its level changes. Loggers of other crates need not know of that.
pub(super) trait TellsChanges: ILogger {}

/// The most detailed level of several loggers, known until the next change: to ask them takes far longer than a message
/// should that none of them writes.
///
/// At first it is that of no loggers.
#[derive(Default)]
pub(super) struct KnownLevel {
    /// How many changes there were before the loggers were asked, and in the last byte the level.
    known: AtomicU64,
}

impl KnownLevel {
    /// Whether no logger writes a message of this level; `false` where that is not known any more.
    pub(super) fn rules_out(&self, level: LogLevel) -> bool {
        let known = self.known.load(Ordering::Relaxed);
        level as u8 > known as u8 && is_current(known)
    }

    /// Asks for the level where it is not known any more.
    pub(super) fn learn(&self, ask: impl FnOnce() -> LogLevel) {
        if is_current(self.known.load(Ordering::Relaxed)) {
            return;
        }
        // Read before asking: a change in between then makes the answer outdated at once.
        let changes = CHANGES.load(Ordering::Acquire);
        self.known.store(u64::from(changes) << 8 | ask() as u64, Ordering::Relaxed);
    }
}

fn is_current(known: u64) -> bool {
    (known >> 8) as u32 == CHANGES.load(Ordering::Acquire)
}
