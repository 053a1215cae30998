use std::{error::Error, fmt};

use super::capability::Capability;

/// How a case ended that did not fail.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The queue holds what the case asks for.
    Passed,
    /// The queue cannot do what the case is about, and refuses it as it should.
    Refused {
        /// The operations that were refused.
        operations: Vec<&'static str>,
    },
    /// Nothing was seen of the queue: the fixture does not offer what the case needs.
    NotRun {
        /// What is missing.
        why: String,
    },
    /// The case failed, or did not run, as the fixture says it would.
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
    about: &'static str,
    ledger: String,
}

impl Outcome {
    pub(super) fn refused(missing: &[Capability]) -> Self {
        Self::Refused { operations: missing.iter().map(|capability| capability.operation()).collect() }
    }
}

impl fmt::Display for Outcome {
    /// In a word or two, as for a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("pass"),
            Self::Refused { operations } => write!(f, "refused ({})", operations.join(", ")),
            Self::NotRun { .. } => f.write_str("not run"),
            Self::KnownGap { why, .. } => write!(f, "known gap: {why}"),
        }
    }
}

impl CaseFailure {
    pub(super) fn new(case: &str, message: String, about: &'static str, ledger: String) -> Self {
        Self { case: case.to_owned(), message, about, ledger }
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
        if !self.about.is_empty() {
            write!(f, "\n  what must hold: {}", self.about)?;
        }
        match self.ledger.as_str() {
            "" => Ok(()),
            ledger => write!(f, "\n{ledger}"),
        }
    }
}

impl Error for CaseFailure {}
