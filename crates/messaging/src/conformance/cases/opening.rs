use std::sync::Arc;

use crate::conformance::{
    OpenFailure,
    case::{Case, CaseResult, ensure},
    pace::{PATIENCE, PROMPT},
};

/// An open that fails is an error in time, and leaves a closed queue that can be closed; a refused subscription is
/// an error at the latest when something is received.
pub(in crate::conformance) async fn open_failure_is_reported(case: Arc<Case>) -> CaseResult {
    for why in
        [OpenFailure::NoBroker, OpenFailure::Silent, OpenFailure::Denied, OpenFailure::SubscriptionRefused]
    {
        fails_to_open(&case, why).await.map_err(|problem| format!("{why:?}: {problem}"))?;
    }
    Ok(())
}

async fn fails_to_open(case: &Case, why: OpenFailure) -> CaseResult {
    let queue = case.unreachable_queue(why).await?;
    let failed = match case.within(PATIENCE, "open", queue.open(None)).await? {
        Err(error) => error,
        Ok(()) if why == OpenFailure::SubscriptionRefused => {
            // The queue asks for deliveries only when somebody wants them.
            let received = case.within(PATIENCE, "receive", queue.receive(None, PROMPT)).await?;
            ensure!(received.is_err(), "open was Ok, and a receive too");
            return case.ok("close", queue.close(None)).await;
        }
        Ok(()) => return Err("open was Ok".into()),
    };
    ensure!(
        why == OpenFailure::SubscriptionRefused || failed.code() == "CONNECT_FAILED",
        "open failed with {failed:#} instead of CONNECT_FAILED"
    );
    ensure!(!queue.is_open(), "it is open after an open that failed");
    let refused = queue.send(None, case.envelope("not sent"));
    case.refused("NOT_OPENED", "send after an open that failed", refused).await?;
    case.ok("close after an open that failed", queue.close(None)).await
}
