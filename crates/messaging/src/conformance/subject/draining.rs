use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{Arrivals, Sent, Subject};
use crate::conformance::{
    case::{CaseResult, ensure},
    pace::QUIET,
};

impl Subject {
    /// Takes all messages that are still to come.
    pub(in crate::conformance) async fn drain(&self) -> CaseResult {
        self.drain_from(&mut &*self).await
    }

    /// Takes all messages that are still to come from there: each that was acknowledged, one more that is sent
    /// now, and what comes shortly after.
    pub(in crate::conformance) async fn drain_from(&self, arrivals: &mut impl Arrivals) -> CaseResult {
        self.send("last").await?;
        self.gather_from(arrivals).await?;
        let quiet = Instant::now() + QUIET;
        while arrivals.next(quiet.saturating_duration_since(Instant::now())).await?.is_some() {
            // Something that comes again and again comes for ever.
            if quiet <= Instant::now() {
                break;
            }
        }
        Ok(())
    }

    /// Takes messages until each that was acknowledged has arrived.
    pub(in crate::conformance) async fn gather_from(&self, arrivals: &mut impl Arrivals) -> CaseResult {
        let patience = self.case.patience();
        while !self.case.ledger().is_complete(&self.destination) {
            if arrivals.next(patience).await?.is_none() {
                return Err(self.overdue(&self.case.ledger().missing(&self.destination)));
            }
        }
        Ok(())
    }

    /// Takes messages until each of these has arrived, and gives their entries in the order in which they first came.
    pub(in crate::conformance) async fn collect_from(
        &self,
        arrivals: &mut impl Arrivals,
        sent: &[Sent],
    ) -> CaseResult<Vec<usize>> {
        let patience = self.case.patience();
        let mut missing: BTreeSet<_> = sent.iter().map(|sent| sent.entry).collect();
        let mut arrived = Vec::new();
        while !missing.is_empty() {
            let Some(received) = arrivals.next(patience).await? else {
                return Err(self.overdue(&Vec::from_iter(missing)));
            };
            if missing.remove(&received.entry) {
                arrived.push(received.entry);
            }
        }
        Ok(arrived)
    }

    fn overdue(&self, entries: &[usize]) -> String {
        let patience = self.case.patience();
        format!("{} did not arrive within {patience:?}", self.case.ledger().shown(entries))
    }

    /// Makes sure that a message sent now arrives in one copy.
    pub(in crate::conformance) async fn delivers_once(&self) -> CaseResult {
        let sent = self.send("once").await?;
        self.drain().await?;
        self.case.check()?;
        let copies = self.case.ledger().received(sent.entry);
        ensure!(copies == 1, "the message arrived {copies} times");
        Ok(())
    }
}
