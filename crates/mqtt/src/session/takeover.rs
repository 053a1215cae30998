use std::time::Duration;

use tokio::time::Instant;

use crate::client::Reason;

/// How many connections in a row have to be lost soon after they were made to look like a takeover.
const SUSPICIOUS: u32 = 2;

/// Notices that another client takes the connection over because it has the same client id. Both then reconnect,
/// and lose their connection to each other, for ever.
///
/// Version 5 says so. In 3.1.1 the broker only cuts the connection, soon after it was made, again and again.
#[derive(Default)]
pub(super) struct TakeoverWatch {
    connected: Option<Instant>,
    in_a_row: u32,
    told: bool,
}

/// What to warn of, once for as long as it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takeover {
    /// The broker says so.
    Certain,
    /// It looks like one.
    Suspected,
}

impl TakeoverWatch {
    /// A broker accepted the connection.
    pub(super) fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// The connection was lost. One that lasted no longer than `soon` was lost soon.
    pub(super) fn lost(&mut self, now: Instant, soon: Duration, reason: Option<&Reason>) -> Option<Takeover> {
        let lasted = self.connected.take().map(|connected| now.saturating_duration_since(connected));
        match lasted {
            Some(lasted) if lasted <= soon => self.in_a_row += 1,
            _ => (self.in_a_row, self.told) = (0, false),
        }
        let takeover = match reason {
            Some(reason) if reason.is_takeover() => Takeover::Certain,
            // Another reason is none of these.
            None if self.in_a_row >= SUSPICIOUS => Takeover::Suspected,
            _ => return None,
        };
        (!std::mem::replace(&mut self.told, true)).then_some(takeover)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What is told when connections last that long.
    fn told(lasting: &[Duration], reason: Option<&Reason>) -> Vec<Option<Takeover>> {
        let mut watch = TakeoverWatch::default();
        let mut now = Instant::now();
        let lose = |lasted: &Duration| {
            watch.connected(now);
            now += *lasted;
            watch.lost(now, 3 * SECOND, reason)
        };
        lasting.iter().map(lose).collect()
    }

    #[test]
    fn the_second_connection_in_a_row_that_is_lost_at_once_is_suspected_and_told_once() {
        let suspected = Some(Takeover::Suspected);
        assert_eq!(told(&[SECOND; 4], None), [None, suspected, None, None]);
    }

    #[test]
    fn a_connection_that_lasted_ends_the_suspicion() {
        let suspected = Some(Takeover::Suspected);
        let lasting = [SECOND, 60 * SECOND, SECOND, SECOND, 60 * SECOND, SECOND, SECOND];
        assert_eq!(told(&lasting, None), [None, None, None, suspected, None, None, suspected]);
    }

    #[test]
    fn a_broker_that_says_so_is_believed_at_once_and_another_reason_is_no_takeover() {
        let reason = |code| Reason { code, text: String::new() };
        assert_eq!(told(&[60 * SECOND, SECOND], Some(&reason(0x8E))), [Some(Takeover::Certain), None]);
        assert_eq!(told(&[SECOND; 3], Some(&reason(0x8B))), [None; 3]);
    }

    #[test]
    fn a_loss_without_a_connection_is_none() {
        let mut watch = TakeoverWatch::default();
        let now = Instant::now();
        assert_eq!(
            [watch.lost(now, SECOND, None), watch.lost(now, SECOND, None), watch.lost(now, SECOND, None)],
            [None; 3]
        );
    }
}
