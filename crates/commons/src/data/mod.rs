//! Identifiers.

mod id_generator;

pub use id_generator::IdGenerator;
