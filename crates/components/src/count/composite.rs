use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use pip_services_commons::{
    component,
    errors::ApplicationError,
    refer::{Descriptor, IReferenceable, IReferences, IUnreferenceable, cast},
};

use super::{CounterTiming, ICounters};

/// Counters that pass every measurement to all counters of the references; ports `CompositeCounters`.
///
/// They are what a component counts with, as a field of its own or found in the references. Until
/// `set_references` there are no counters, and measurements go nowhere.
///
/// References: `*:counters:*:*:*` (optional). Composite counters, these included, are left out: their counters
/// are there too, and would count twice.
///
/// ```
/// use std::sync::Arc;
/// use pip_services_commons::refer::{IReferenceable, IReferences, References};
/// use pip_services_components::count::{CompositeCounters, ICounters, LogCounters};
///
/// let measured = Arc::new(LogCounters::new());
/// let references = References::new();
/// references.put("pip-services:counters:log:default:1.0".parse()?, measured.clone());
///
/// let counters = CompositeCounters::new();
/// counters.set_references(&references)?;
/// counters.last("orders.waiting", 3.0);
/// assert_eq!(measured.get("orders.waiting").and_then(|counter| counter.last), Some(3.0));
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Default)]
pub struct CompositeCounters {
    counters: ArcSwap<Vec<Arc<dyn ICounters>>>,
    /// Whether there are any: without them, a measurement costs nothing.
    any: AtomicBool,
}
component!(CompositeCounters: dyn ICounters, dyn IReferenceable, dyn IUnreferenceable);

impl CompositeCounters {
    /// Counters without counters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are no counters, so that a measurement need not even be prepared.
    pub fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Relaxed)
    }

    fn set(&self, counters: Vec<Arc<dyn ICounters>>) {
        self.any.store(!counters.is_empty(), Ordering::Relaxed);
        self.counters.store(Arc::new(counters));
    }

    fn each(&self, measure: impl Fn(&dyn ICounters)) {
        if self.is_empty() {
            return;
        }
        for counters in self.counters.load().iter() {
            measure(&**counters);
        }
    }
}

impl IReferenceable for CompositeCounters {
    /// Replaces the counters by those of the references; having none is no error.
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let locator = Descriptor::new("*", "counters", "*", "*", "*");
        let counters = references
            .find(&locator, false)?
            .iter()
            .filter(|component| cast::<Self>(component).is_none())
            .filter_map(cast::<dyn ICounters>)
            .collect();
        self.set(counters);
        Ok(())
    }
}

impl IUnreferenceable for CompositeCounters {
    /// Lets all counters go; measurements then go nowhere.
    fn unset_references(&self) {
        self.set(Vec::new());
    }
}

impl ICounters for CompositeCounters {
    /// Starts one measurement, whose time all counters record.
    fn begin_timing(&self, name: &str) -> CounterTiming {
        let counters = self.counters.load();
        if counters.is_empty() {
            return CounterTiming::inert();
        }
        let timings: Vec<_> = counters.iter().map(|counters| counters.begin_timing(name)).collect();
        CounterTiming::new(move |elapsed| timings.into_iter().for_each(|timing| timing.record(elapsed)))
    }

    fn stats(&self, name: &str, value: f64) {
        self.each(|counters| counters.stats(name, value));
    }

    fn last(&self, name: &str, value: f64) {
        self.each(|counters| counters.last(name, value));
    }

    fn timestamp(&self, name: &str, value: DateTime<Utc>) {
        self.each(|counters| counters.timestamp(name, value));
    }

    fn increment(&self, name: &str, value: i64) {
        self.each(|counters| counters.increment(name, value));
    }
}
