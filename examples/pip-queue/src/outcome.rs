use std::process::ExitCode;

use pip_services_commons::errors::{ApplicationError, ErrorCategory};

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The time was over before as many messages had come as were asked for.
    TimedOut,
}

/// The exit code that stands for it.
pub(crate) fn exit_code(outcome: &Result<Outcome, ApplicationError>) -> ExitCode {
    match outcome {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::TimedOut) => 3,
        Err(error) if error.category() == &ErrorCategory::Misconfiguration => 2,
        Err(_) => 1,
    }
    .into()
}
