//! Counters that Prometheus scrapes.

mod counters;
mod factory;
mod listener;
mod metric;
mod metrics;
mod name;
mod server;

pub use counters::PrometheusCounters;
pub use factory::DefaultPrometheusFactory;
