use std::time::Duration;

use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::IMessageQueue;
use tokio::time::{Instant, sleep};

use crate::{
    args::{CountArguments, PeekArguments},
    outcome::Outcome,
    output,
};

/// How often to look again. A queue tells of a message only to who takes it.
const INTERVAL: Duration = Duration::from_millis(20);

/// Prints the messages that wait.
pub(crate) async fn peek(
    queue: &dyn IMessageQueue,
    arguments: &PeekArguments,
) -> Result<Outcome, ApplicationError> {
    let deadline = Instant::now().checked_add(arguments.wait);
    let mut messages = queue.peek_batch(None, arguments.count).await?;
    while messages.len() < arguments.count && !is_over(deadline) {
        sleep(INTERVAL).await;
        messages = queue.peek_batch(None, arguments.count).await?;
    }
    messages.iter().try_for_each(output::print)?;
    Ok(Outcome::Done)
}

/// Prints how many messages wait.
pub(crate) async fn count(
    queue: &dyn IMessageQueue,
    arguments: &CountArguments,
) -> Result<Outcome, ApplicationError> {
    let deadline = Instant::now().checked_add(arguments.wait);
    let mut count = queue.read_message_count().await?;
    while count == 0 && !is_over(deadline) {
        sleep(INTERVAL).await;
        count = queue.read_message_count().await?;
    }
    output::print_line(&count.to_string())?;
    Ok(Outcome::Done)
}

/// A time that the clock cannot tell is never over.
fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}
