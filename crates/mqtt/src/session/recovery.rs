use std::{mem::replace, time::Duration};

/// When to try to reconnect, and what is worth a line in the log: what changes, and not each attempt.
///
/// A broker may accept each connection only to cut it at once. So a connection that is restored counts as nothing
/// gained until it has lasted a while: the delays go on growing, and nothing more is told.
pub(super) struct Recovery {
    shortest: Duration,
    longest: Duration,
    /// Before the first attempt after a loss. Doubled for each connection in a row that did not last.
    first: Duration,
    /// Before the next attempt. Doubled for each one that fails.
    next: Duration,
    /// The connection was restored, and has not lasted yet.
    unproven: bool,
    /// It was told that connections do not last.
    told_again: bool,
    /// It was told that attempts fail.
    told_failing: bool,
}

/// How a loss looks beside those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The connection had lasted.
    New,
    /// The connection was restored, and lost again at once.
    Again,
    /// So was the one before.
    Known,
}

impl Recovery {
    pub(super) fn new(shortest: Duration, longest: Duration) -> Self {
        Self {
            shortest,
            longest,
            first: shortest,
            next: shortest,
            unproven: false,
            told_again: false,
            told_failing: false,
        }
    }

    /// How long a connection has to be there to have lasted. Longer than another client of the same id waits, which
    /// takes the connection over and loses it to this one, in turns.
    pub(super) fn proof(&self) -> Duration {
        self.first.saturating_mul(3).saturating_add(Duration::from_secs(1))
    }

    /// The delay before the next attempt.
    pub(super) fn next_delay(&mut self) -> Duration {
        let next = self.next.saturating_mul(2).min(self.longest);
        replace(&mut self.next, next)
    }

    /// The connection was lost.
    pub(super) fn lost(&mut self) -> Loss {
        let again = replace(&mut self.unproven, false);
        self.first = match again {
            true => self.first.saturating_mul(2).min(self.longest),
            false => self.shortest,
        };
        self.next = self.first;
        self.told_failing &= again;
        match (again, replace(&mut self.told_again, again)) {
            (false, _) => Loss::New,
            (true, false) => Loss::Again,
            (true, true) => Loss::Known,
        }
    }

    /// An attempt failed. True: it is to be told.
    pub(super) fn failed(&mut self) -> bool {
        !replace(&mut self.told_failing, true)
    }

    /// The connection is there again. True: it is to be told.
    pub(super) fn restored(&mut self) -> bool {
        self.unproven = true;
        !self.told_again
    }

    /// The restored connection has lasted. True: it is to be told.
    pub(super) fn lasted(&mut self) -> bool {
        self.unproven = false;
        replace(&mut self.told_again, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovery() -> Recovery {
        Recovery::new(Duration::from_secs(1), Duration::from_secs(10))
    }

    fn delays<const N: usize>(recovery: &mut Recovery) -> [u64; N] {
        [(); N].map(|()| recovery.next_delay().as_secs())
    }

    #[test]
    fn delays_double_up_to_the_longest_and_begin_anew_with_an_outage() {
        let mut recovery = recovery();
        for _ in 0..2 {
            assert_eq!(recovery.lost(), Loss::New);
            assert_eq!(delays(&mut recovery), [1, 2, 4, 8, 10, 10]);
            assert!(recovery.restored());
            assert!(!recovery.lasted(), "nobody was told that it would not");
        }
    }

    #[test]
    fn what_does_not_last_is_told_once_and_each_time_the_first_delay_doubles() {
        let mut recovery = recovery();
        for _ in 0..2 {
            let mut seen = Vec::new();
            for _ in 0..6 {
                let lost = recovery.lost();
                seen.push((
                    lost,
                    delays::<1>(&mut recovery),
                    recovery.proof().as_secs(),
                    recovery.restored(),
                ));
            }
            let expected = [
                (Loss::New, [1], 4, true),
                (Loss::Again, [2], 7, false),
                (Loss::Known, [4], 13, false),
                (Loss::Known, [8], 25, false),
                (Loss::Known, [10], 31, false),
                (Loss::Known, [10], 31, false),
            ];
            assert_eq!(seen, expected);
            assert!(recovery.lasted());
        }
    }

    #[test]
    fn a_long_outage_before_makes_the_next_one_no_longer() {
        let mut recovery = recovery();
        recovery.lost();
        assert_eq!(delays(&mut recovery), [1, 2, 4, 8]);
        recovery.restored();
        assert_eq!(recovery.lost(), Loss::Again);
        assert_eq!(delays(&mut recovery), [2, 4, 8, 10]);
    }

    #[test]
    fn attempts_that_fail_are_told_once_for_an_outage_and_once_while_connections_do_not_last() {
        let mut recovery = recovery();
        for _ in 0..2 {
            recovery.lost();
            assert_eq!([recovery.failed(), recovery.failed()], [true, false]);
            for _ in 0..2 {
                recovery.restored();
                recovery.lost();
                assert!(!recovery.failed());
            }
            recovery.restored();
            recovery.lasted();
        }
    }
}
