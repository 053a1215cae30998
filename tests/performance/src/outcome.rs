use std::error::Error;

/// A program for people: what went wrong is only ever printed.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
