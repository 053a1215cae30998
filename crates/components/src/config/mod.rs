//! config

mod sections;

pub(crate) use sections::{one_or_many, sections};
