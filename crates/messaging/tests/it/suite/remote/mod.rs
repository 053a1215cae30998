//! A queue on a broker within the process, whose network can be cut and which can be given a flaw.

mod faults;
mod flaw;
mod hub;
mod queue;

pub(crate) use flaw::Flaw;
pub(crate) use hub::Hub;

use pip_services_commons::errors::ApplicationError;

type Result<T, E = ApplicationError> = std::result::Result<T, E>;

/// The type of a message that is none.
const GARBAGE: &str = "garbage";
