/// Failures while starting and stopping.
mod failures;
/// The steps of a component's life and their order.
mod lifecycle;
/// Threads that use the references while the container is opened and closed.
mod threads;
