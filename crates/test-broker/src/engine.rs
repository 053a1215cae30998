//! Which broker runs.

use std::fmt;

/// The broker behind a [`TestBroker`](crate::TestBroker).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// A broker inside this process, on a thread and a runtime of its own. It needs nothing installed.
    Embedded,
    /// A Mosquitto process, which has to be installed: `.ci/install mosquitto`.
    Mosquitto,
}

impl Engine {
    /// Both engines, for a test that runs on each.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::Mosquitto];
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "the embedded broker",
            Self::Mosquitto => "Mosquitto",
        })
    }
}
