//! What a queue does after its broker or its network was away.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Delivery,
    case::{Case, CaseResult, ensure},
    subject::{Arrivals, Subject},
};

/// How long a queue may take to work again once its broker does.
const RECOVERY: Duration = Duration::from_secs(10);
/// How long a message takes to arrive where nothing is wrong. A longer time only costs a few messages more.
const SHORTLY: Duration = Duration::from_millis(300);

impl Subject {
    /// Sends until a message of those arrives there. Sends may fail, and where messages can be lost in a fault,
    /// some of those before may be.
    pub(super) async fn recovers(&self, case: &Case, what: &str, arrivals: &mut impl Arrivals) -> CaseResult {
        let recovery = case.limit(RECOVERY);
        let deadline = Instant::now() + recovery;
        let (mut sent, mut last_error) = (Vec::new(), String::new());
        loop {
            match self.try_send(&format!("{what} {}", sent.len())).await? {
                Ok(message) => sent.push(message.entry),
                Err(error) => last_error = format!("; the last send failed with {error:#}"),
            }
            // What came before may still be there.
            let shortly = Instant::now() + SHORTLY;
            let arrived = loop {
                match arrivals.next(shortly.saturating_duration_since(Instant::now())).await? {
                    Some(received) if sent.contains(&received.entry) => break true,
                    Some(_) => {}
                    None => break false,
                }
            };
            if arrived {
                break;
            }
            let number = sent.len();
            ensure!(
                Instant::now() < deadline,
                "{what}: within {recovery:?} none of {number} messages arrived whose sends were Ok{last_error}"
            );
        }
        if may_lose(case) {
            sent.iter().for_each(|entry| case.ledger().excuse(*entry));
        }
        Ok(())
    }
}

/// Whether the queue may lose messages in a fault whose sends were Ok.
pub(super) fn may_lose(case: &Case) -> bool {
    case.profile().delivery == Delivery::AtMostOnce || !case.profile().durable
}
