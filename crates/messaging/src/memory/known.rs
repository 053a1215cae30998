//! Which parameters there are, so that one which is misspelt does not go unnoticed.

use pip_services_commons::config::{
    ConfigParams, misplaced_parameter, misspelt_parameter, unknown_parameter,
};

const OPTIONS: [&str; 7] = [
    "concurrency",
    "lock_timeout",
    "max_dead_letters",
    "max_deliveries",
    "max_messages",
    "send_timeout",
    "when_full",
];

/// What else of an entry of a container's file a queue reads. There can be more, for others to read.
const TOP: [&str; 2] = ["options", "queue"];

/// What there is to say about parameters that a memory queue does not know.
pub(super) fn unknown(config: &ConfigParams) -> impl Iterator<Item = String> {
    config.keys().filter_map(|key| match key.split_once('.') {
        Some(("options", option)) => unknown_parameter("options.", option, OPTIONS),
        Some((section, _)) => misspelt_parameter("", section, TOP),
        None => misplaced_parameter("options.", key, OPTIONS).or_else(|| misspelt_parameter("", key, TOP)),
    })
}
