//! A command-line client for the queues of a configuration file.

mod args;
mod look;
mod outcome;
mod output;
mod parameters;
mod send;
mod service;
mod signals;
mod stderr_logger;
mod take;

use std::{
    io::{self, Write, stderr},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use pip_services_commons::errors::ApplicationError;
use pip_services_messaging::IMessageQueue;
use tokio::runtime::Runtime;

use crate::{
    args::{Arguments, Command},
    outcome::Outcome,
    service::Service,
    signals::Signals,
};

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let outcome = Runtime::new().map_err(no_runtime).and_then(|runtime| {
        let outcome = runtime.block_on(run(command));
        // To read standard input and to look up a host block a thread, which the end must not wait for.
        runtime.shutdown_background();
        outcome
    });
    if let Err(error) = &outcome {
        let component =
            error.detail("component").map(|component| format!("{component}: ")).unwrap_or_default();
        // Nobody to tell where standard error is closed.
        let _ = writeln!(stderr().lock(), "pip-queue: {component}{error:#}");
    }
    outcome::exit_code(&outcome)
}

fn no_runtime(error: io::Error) -> ApplicationError {
    ApplicationError::internal(None, "NO_RUNTIME", "cannot start").with_cause(error)
}

async fn run(command: Command) -> Result<Outcome, ApplicationError> {
    let mut signals = Signals::new()?;
    let stopped = match &command {
        Command::Send(_) => {
            Err(ApplicationError::internal(None, "INTERRUPTED", "stopped before all was sent"))
        }
        _ => Ok(Outcome::Done),
    };
    let takes_messages = !matches!(command, Command::Send(_));
    let service = tokio::select! {
        service = Service::open(command.queue(), takes_messages) => service?,
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
        Command::Peek(arguments) => look::peek(&**queue, &arguments).await,
        Command::Count(arguments) => look::count(&**queue, &arguments).await,
    }
}
