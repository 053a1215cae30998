use std::{
    error::Error,
    fmt::Arguments,
    sync::{Arc, Mutex, PoisonError},
};

use pip_services_commons::{
    component,
    refer::{Descriptor, IReferences, References},
};
use pip_services_components::{
    count::LogCounters,
    log::{ILogger, LogLevel},
};

/// What the queues of a case log and count, where their fixture lets it be seen.
#[derive(Default)]
pub(super) struct Observer {
    log: Arc<Log>,
    counters: Arc<LogCounters>,
}

impl Observer {
    pub(super) fn references(&self) -> References {
        let references = References::new();
        references.put(descriptor("logger"), self.log.clone());
        references.put(descriptor("counters"), self.counters.clone());
        references
    }

    /// How often the queue of that name counted the event.
    pub(super) fn count(&self, queue: &str, event: &str) -> usize {
        let counter = self.counters.get(&format!("queue.{queue}.{event}"));
        counter.and_then(|counter| counter.count).and_then(|count| count.try_into().ok()).unwrap_or_default()
    }

    /// The warnings and errors so far.
    pub(super) fn complaints(&self) -> Vec<String> {
        self.log.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn descriptor(kind: &str) -> Descriptor {
    Descriptor::new("pip-services", kind, "conformance", "default", "1.0")
}

/// A logger that keeps warnings and errors.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
}

component!(Log: dyn ILogger);

impl ILogger for Log {
    fn get_level(&self) -> LogLevel {
        LogLevel::Warn
    }

    fn set_level(&self, _: LogLevel) {}

    fn log(
        &self,
        level: LogLevel,
        _: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        if self.is_enabled(level) {
            let error = error.map(|error| format!(": {error}")).unwrap_or_default();
            let line = format!("{level} {message}{error}");
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MessageQueue, MessagingCapabilities};
    use pip_services_commons::errors::ApplicationError;

    #[test]
    fn it_sees_what_a_queue_counts_and_complains_of() {
        let observer = Observer::default();
        let queue = MessageQueue::new("orders", MessagingCapabilities::default());
        queue.set_references(&observer.references()).unwrap();
        let error = ApplicationError::bad_request(None, "BAD", "no such thing");
        queue.malformed(&error, "here");
        queue.logger().info(None, format_args!("this is fine"));
        assert_eq!(observer.count("orders", "malformed_messages"), 1);
        assert_eq!(observer.count("orders", "dropped_messages"), 0);
        let complaints = observer.complaints();
        assert!(matches!(complaints.as_slice(), [line] if line.contains("no such thing")), "{complaints:?}");
    }
}
