//! Counters: what a service measures of itself.

mod counters;
mod timing;

pub use counters::ICounters;
pub use timing::CounterTiming;
