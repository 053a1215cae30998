use std::path::Path;

use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::{IMessageQueue, IntoPayload, MessageEnvelope};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use crate::{args::SendArguments, outcome::Outcome};

/// Sends the messages, one after another, and stops at the first that fails.
pub(crate) async fn send(
    queue: &dyn IMessageQueue,
    arguments: SendArguments,
) -> Result<Outcome, ApplicationError> {
    let sender = Sender {
        queue,
        message_type: arguments.message_type.as_deref(),
        correlation_id: arguments.correlation_id.as_deref(),
    };
    if let Some(path) = &arguments.raw_file {
        sender.send(read(path).await?).await?;
    } else if arguments.messages.is_empty() {
        sender.send_lines().await?;
    } else {
        for message in arguments.messages {
            sender.send(message).await?;
        }
    }
    Ok(Outcome::Done)
}

struct Sender<'a> {
    queue: &'a dyn IMessageQueue,
    message_type: Option<&'a str>,
    correlation_id: Option<&'a str>,
}

impl Sender<'_> {
    async fn send(&self, payload: impl IntoPayload) -> Result<(), ApplicationError> {
        let envelope = MessageEnvelope::new(self.correlation_id, self.message_type, payload);
        Ok(self.queue.send(self.correlation_id, envelope).await?)
    }

    /// Each line as it comes. Lines are bytes: they need not be UTF-8.
    async fn send_lines(&self) -> Result<(), ApplicationError> {
        let mut lines = BufReader::new(stdin()).split(b'\n');
        while let Some(line) =
            lines.next_segment().await.map_err(|error| read_failed("standard input", error))?
        {
            self.send(line).await?;
        }
        Ok(())
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, ApplicationError> {
    tokio::fs::read(path).await.map_err(|error| read_failed(&path.display().to_string(), error))
}

fn read_failed(what: &str, error: std::io::Error) -> ApplicationError {
    ApplicationError::file(None, "READ_FAILED", format!("cannot read {what}")).with_cause(error)
}
