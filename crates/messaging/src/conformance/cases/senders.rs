use std::sync::Arc;

use futures_util::future::join_all;
use pip_services_commons::errors::{ApplicationError, ErrorCategory};

use crate::conformance::{
    case::{Case, CaseResult, ensure},
    subject::Subject,
};

/// Sixteen tasks send at once, and nothing is lost.
pub(in crate::conformance) async fn concurrent_senders_lose_nothing(case: Arc<Case>) -> CaseResult {
    const TASKS: usize = 16;
    // No more than fit, where the reader falls behind.
    let (subject, each) = (case.open().await?, case.unread_count(250 * TASKS) / TASKS);
    let sending = tokio::spawn({
        let subject = subject.clone();
        async move { subject.send_from_tasks(TASKS, each).await }
    });
    subject.receive_until(|| sending.is_finished()).await?;
    sending.await.map_err(|error| error.to_string())??;
    subject.drain().await?;
    case.check()
}

/// Of 5000 sends at once each is Ok and its message arrives, or an error of which a program can make something.
pub(in crate::conformance) async fn burst_of_sends_is_all_or_error(case: Arc<Case>) -> CaseResult {
    let subject = case.open().await?;
    let burst = case.unread_count(5000);
    let sends = (0..burst).map(|number| send(&subject, number));
    join_all(sends).await.into_iter().collect::<CaseResult>()?;
    subject.drain().await?;
    case.check()
}

async fn send(subject: &Subject, number: usize) -> CaseResult {
    match subject.try_send(&format!("{number} of the burst")).await? {
        Ok(_) => Ok(()),
        Err(error) => back_pressure(&error),
    }
}

/// Makes sure that an error tells what to do: to wait, or to send less.
pub(in crate::conformance) fn back_pressure(error: &ApplicationError) -> CaseResult {
    let vague = matches!(error.category(), ErrorCategory::Unknown | ErrorCategory::Internal);
    let misleading = ["NOT_OPENED", "NOT_SUPPORTED"].contains(&error.code());
    ensure!(
        !vague && !misleading,
        "a send of many failed with {error:#}, which does not tell that it was too many"
    );
    Ok(())
}
