use std::panic::{AssertUnwindSafe, catch_unwind};

use arc_swap::ArcSwap;
use pip_services_commons::{
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
};
use pip_services_components::count::{CompositeCounters, CounterTiming, ICounters};

/// What a connection counts. Counters are other people's code: a panic there costs neither a message nor the
/// connection.
pub(crate) struct ConnectionCounters {
    counters: CompositeCounters,
    names: ArcSwap<Names>,
}

/// The names of the counters, made once instead of for each message.
struct Names {
    connection: String,
    connects: String,
    reconnects: String,
    lost_connections: String,
    dropped_messages: String,
    malformed_messages: String,
    publish_time: String,
    in_flight_messages: String,
}

impl Names {
    fn new(connection: &str) -> Self {
        let label = if connection.is_empty() { "default" } else { connection };
        let counter = |event: &str| format!("mqtt.{label}.{event}");
        Self {
            connection: label.to_owned(),
            connects: counter("connects"),
            reconnects: counter("reconnects"),
            lost_connections: counter("lost_connections"),
            dropped_messages: counter("dropped_messages"),
            malformed_messages: counter("malformed_messages"),
            publish_time: counter("publish_time"),
            in_flight_messages: counter("in_flight_messages"),
        }
    }
}

impl ConnectionCounters {
    /// The counters of a connection of that name, which can be empty.
    pub(crate) fn new(name: &str) -> Self {
        Self { counters: CompositeCounters::new(), names: ArcSwap::from_pointee(Names::new(name)) }
    }

    pub(crate) fn set_name(&self, name: &str) {
        self.names.store(Names::new(name).into());
    }

    /// The name of the connection.
    pub(crate) fn name(&self) -> String {
        self.names.load().connection.clone()
    }

    pub(crate) fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.counters.set_references(references)
    }

    pub(crate) fn unset_references(&self) {
        self.counters.unset_references();
    }

    /// Looks up the names only where somebody counts.
    fn count(&self, count: impl FnOnce(&CompositeCounters, &Names)) {
        if !self.counters.is_empty() {
            let _ = catch_unwind(AssertUnwindSafe(|| count(&self.counters, &self.names.load())));
        }
    }

    /// A broker accepted the connection.
    pub(crate) fn connected(&self) {
        self.count(|counters, names| counters.increment_one(&names.connects));
    }

    /// A connection that was lost is there again.
    pub(crate) fn reconnected(&self) {
        self.count(|counters, names| counters.increment_one(&names.reconnects));
    }

    /// The connection was lost.
    pub(crate) fn lost(&self) {
        self.count(|counters, names| counters.increment_one(&names.lost_connections));
    }

    /// So many messages that nobody listened to were dropped.
    pub(crate) fn dropped(&self, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.count(|counters, names| counters.increment(&names.dropped_messages, count));
    }

    /// The broker sent a message that is none.
    pub(crate) fn malformed(&self) {
        self.count(|counters, names| counters.increment_one(&names.malformed_messages));
    }

    /// A message is on its way. Ending what this gives records the time until it was acknowledged.
    pub(crate) fn begin_publish(&self) -> PublishTiming {
        let mut timing = CounterTiming::inert();
        self.count(|counters, names| timing = counters.begin_timing(&names.publish_time));
        PublishTiming(timing)
    }

    /// So many messages are on their way.
    pub(crate) fn in_flight(&self, count: impl FnOnce() -> usize) {
        self.count(|counters, names| counters.last(&names.in_flight_messages, count() as f64));
    }
}

/// The time that a message takes to be acknowledged. Dropped, it records nothing.
pub(crate) struct PublishTiming(CounterTiming);

impl PublishTiming {
    pub(crate) fn end(self) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.end_timing()));
    }
}
