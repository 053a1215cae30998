//! A command-line client for the queues of a configuration file.

mod args;
mod outcome;
mod output;
mod send;
mod service;
mod signals;
mod stderr_logger;
mod take;

use std::{
    io::{Write, stderr},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::IMessageQueue;

use crate::{
    args::{Arguments, Command},
    outcome::Outcome,
    service::Service,
    signals::Signals,
};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = run(Arguments::parse().command).await;
    if let Err(error) = &outcome {
        // Nobody to tell where standard error is closed.
        let _ = writeln!(stderr().lock(), "pip-queue: {error:#}");
    }
    outcome::exit_code(&outcome)
}

async fn run(command: Command) -> Result<Outcome, ApplicationError> {
    let mut signals = Signals::new()?;
    let stopped = match &command {
        Command::Send(_) => {
            Err(ApplicationError::internal(None, "INTERRUPTED", "stopped before all was sent"))
        }
        _ => Ok(Outcome::Done),
    };
    let service = tokio::select! {
        service = Service::open(command.queue()) => service?,
        () = signals.stopped() => return stopped,
    };
    let outcome = tokio::select! {
        outcome = execute(&service.queue, command) => outcome,
        () = signals.stopped() => stopped,
    };
    let closed = service.close().await;
    // What kept the command from working matters more than what kept the queue from closing.
    outcome.and_then(|outcome| closed.map(|()| outcome))
}

async fn execute(queue: &Arc<dyn IMessageQueue>, command: Command) -> Result<Outcome, ApplicationError> {
    match command {
        Command::Send(arguments) => send::send(&**queue, arguments).await,
        Command::Listen(arguments) => take::listen(queue.clone(), &arguments).await,
        Command::Receive(arguments) => take::receive(&**queue, &arguments).await,
        Command::Peek(arguments) => {
            queue.peek_batch(None, arguments.count).await?.iter().try_for_each(output::print)?;
            Ok(Outcome::Done)
        }
        Command::Count(_) => {
            output::print_line(&queue.read_message_count().await?.to_string())?;
            Ok(Outcome::Done)
        }
    }
}
