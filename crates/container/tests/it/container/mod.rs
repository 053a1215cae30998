/// Failures while starting and stopping.
mod failures;
/// The steps of a component's life and their order.
mod lifecycle;
