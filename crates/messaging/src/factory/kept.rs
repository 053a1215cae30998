use std::sync::Arc;

use pip_services_commons::{
    config::ConfigParams,
    refer::{Descriptor, IReferences, References},
};

/// What queues look up, by type. Nothing of these leads back to a factory.
const TYPES: [&str; 5] = ["logger", "counters", "discovery", "credential-store", "connection"];

/// The references that a factory keeps for the queues that it will make: components of these types, and those
/// that its `dependencies.*` name.
pub(super) fn keep(references: &dyn IReferences, config: &ConfigParams) -> Arc<References> {
    let dependencies = config.get_section("dependencies");
    // A malformed one is an error of the queue's, when it is configured.
    let named: Vec<Descriptor> =
        dependencies.iter().filter_map(|(_, locator)| locator?.parse().ok()).collect();
    let is_kept = |locator: &Descriptor| {
        locator.component_type().is_some_and(|component_type| TYPES.contains(&component_type))
            || named.iter().any(|named| named.matches(locator))
    };
    let kept = References::new();
    for (locator, component) in references.get_all_locators().into_iter().zip(references.get_all()) {
        if is_kept(&locator) {
            kept.put(locator, component);
        }
    }
    Arc::new(kept)
}
