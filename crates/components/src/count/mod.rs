//! Counters: what a service measures of itself.
//!
//! A component has [`CompositeCounters`] of its own, which find the counters of the process in the references:
//!
//! ```
//! use std::sync::Arc;
//! use pip_services_commons::refer::{IReferenceable, IReferences, References};
//! use pip_services_components::count::{CompositeCounters, ICounters, LogCounters};
//!
//! let measured = Arc::new(LogCounters::new());
//! let references = References::new();
//! references.put("pip-services:counters:log:default:1.0".parse()?, measured.clone());
//!
//! let counters = CompositeCounters::new();
//! counters.set_references(&references)?;
//! counters.increment_one("orders.sent");
//! let timing = counters.begin_timing("orders.exec_time");
//! timing.end_timing();
//!
//! assert_eq!(measured.get("orders.sent").and_then(|counter| counter.count), Some(1));
//! # Ok::<(), pip_services_commons::errors::ApplicationError>(())
//! ```

mod cache;
mod cached;
mod composite;
mod counter;
mod counters;
mod factory;
mod log;
mod null;
#[cfg(feature = "prometheus")]
mod prometheus;
mod timing;

pub use cached::CachedCounters;
pub use composite::CompositeCounters;
pub use counter::{Counter, CounterType};
pub use counters::ICounters;
pub use factory::DefaultCountersFactory;
pub use log::LogCounters;
pub use null::NullCounters;
#[cfg(feature = "prometheus")]
pub use prometheus::{DefaultPrometheusFactory, PrometheusCounters};
pub use timing::CounterTiming;
