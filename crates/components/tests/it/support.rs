use std::fmt;

/// Part of a message that must not be formatted.
pub(crate) struct NeverShown;

impl fmt::Display for NeverShown {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a message below the level was formatted")
    }
}
