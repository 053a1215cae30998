use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::{CallbackMessageReceiver, IMessageQueue};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use crate::{args::TakeArguments, outcome::Outcome, output};

/// Prints what a listener gets, until enough came or the time is over.
pub(crate) async fn listen(
    queue: Arc<dyn IMessageQueue>,
    arguments: &TakeArguments,
) -> Result<Outcome, ApplicationError> {
    if arguments.count == Some(0) {
        return Ok(Outcome::Done);
    }
    let (failed, mut failure) = mpsc::unbounded_channel();
    let printed = Arc::new(AtomicUsize::new(0));
    let receiver = {
        let (printed, count) = (printed.clone(), arguments.count);
        CallbackMessageReceiver::new(move |envelope, queue| {
            let outcome = output::print(&envelope);
            let enough = count.is_some_and(|count| printed.fetch_add(1, Ordering::AcqRel) + 1 >= count);
            let failed = failed.clone();
            Box::pin(async move {
                if enough || outcome.is_err() {
                    queue.end_listen(None).await;
                }
                outcome.inspect_err(|error| {
                    let _ = failed.send(error.clone());
                })
            })
        })
    };
    let listening = queue.listen(None, Arc::new(receiver));
    let outcome = tokio::select! {
        listened = listening => listened.map(|()| Outcome::Done),
        () = elapsed(arguments.timeout) => Ok(timed_out(arguments)),
    };
    match failure.try_recv() {
        Ok(error) => Err(error),
        Err(_) => outcome,
    }
}

/// Takes messages and prints them, until enough came or the time is over.
pub(crate) async fn receive(
    queue: &dyn IMessageQueue,
    arguments: &TakeArguments,
) -> Result<Outcome, ApplicationError> {
    let deadline = arguments.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut left = arguments.count.unwrap_or(usize::MAX);
    while left > 0 {
        let wait =
            deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let Some(mut envelope) = queue.receive(None, wait).await? else { return Ok(timed_out(arguments)) };
        output::print(&envelope)?;
        queue.complete(&mut envelope).await?;
        left -= 1;
    }
    Ok(Outcome::Done)
}

async fn elapsed(limit: Option<Duration>) {
    let _ = timeout(limit.unwrap_or(Duration::MAX), std::future::pending::<()>()).await;
}

/// Without a count, the time is all that was asked for.
fn timed_out(arguments: &TakeArguments) -> Outcome {
    if arguments.count.is_some() { Outcome::TimedOut } else { Outcome::Done }
}
