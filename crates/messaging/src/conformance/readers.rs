use std::sync::Arc;

use tokio::{task::JoinSet, time::Instant};

use super::{
    case::{Case, CaseResult},
    pace::{POLL, QUIET},
    subject::{Subject, join},
};

/// Has all of them receive at the same time until everything has arrived, and a little longer. Nothing may be lost,
/// invented or repeated.
pub(super) async fn receive_all(case: &Arc<Case>, readers: Vec<Subject>) -> CaseResult {
    let mut reading = JoinSet::new();
    for reader in readers {
        let case = case.clone();
        reading.spawn(async move {
            let patience = case.patience();
            let mut last = Instant::now();
            while !case.ledger().is_complete(reader.destination()) && last.elapsed() < patience {
                if let Some(received) = reader.next(POLL).await? {
                    reader.complete(received.envelope).await?;
                    last = Instant::now();
                }
            }
            let quiet = Instant::now() + QUIET;
            while let Some(received) = reader.next(quiet.saturating_duration_since(Instant::now())).await? {
                reader.complete(received.envelope).await?;
            }
            Ok(())
        });
    }
    join(reading).await?;
    case.check()
}
