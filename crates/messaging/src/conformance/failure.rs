use std::{error::Error, fmt};

/// How a case ended that did not fail.
#[derive(Debug)]
pub enum Outcome {
    /// The queue holds what the case asks for.
    Passed,
    /// The case failed, as the fixture says it would.
    KnownGap {
        /// The reason that the fixture gives.
        why: String,
        /// What failed.
        failure: CaseFailure,
    },
}

/// What failed in a case, with all that was sent and received in it.
#[derive(Debug)]
pub struct CaseFailure {
    case: String,
    message: String,
    ledger: String,
}

impl CaseFailure {
    pub(super) fn new(case: &str, message: String, ledger: String) -> Self {
        Self { case: case.to_owned(), message, ledger }
    }

    /// The name of the case.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// What failed.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for CaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.case, self.message)?;
        match self.ledger.as_str() {
            "" => Ok(()),
            ledger => write!(f, "\n{ledger}"),
        }
    }
}

impl Error for CaseFailure {}
