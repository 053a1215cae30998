//! What must hold of everything that reads text from outside, whatever the text.
//!
//! Each function takes any bytes and panics where a promise is broken. `cargo fuzz` looks for such bytes, and a test
//! replays those that it found interesting, which are kept in `corpus`.

// What goes wrong here is what the fuzzer looks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod config_params;
mod config_template;
mod connection_uri;
mod descriptor;
mod message_envelope;
mod secret;

pub use config_params::config_params;
pub use config_template::config_template;
pub use connection_uri::connection_uri;
pub use descriptor::descriptor;
pub use message_envelope::message_envelope;

/// Any bytes in; a panic where a promise is broken.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 5] = [
    ("config_params", config_params),
    ("config_template", config_template),
    ("connection_uri", connection_uri),
    ("descriptor", descriptor),
    ("message_envelope", message_envelope),
];
