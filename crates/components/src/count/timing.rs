use std::time::{Duration, Instant};

/// A running measurement of time; ports `CounterTiming`.
///
/// Measured on a clock that no change of the system time disturbs. Ending it consumes it, so that a time
/// is recorded once; one that is dropped records nothing.
///
/// ```
/// use std::sync::mpsc;
/// use pip_services_components::count::CounterTiming;
///
/// let (sender, receiver) = mpsc::channel();
/// let timing = CounterTiming::new(move |elapsed| { let _ = sender.send(elapsed); });
/// timing.end_timing();
/// assert!(receiver.recv().is_ok());
/// ```
#[must_use = "a timing that is not ended records nothing"]
pub struct CounterTiming {
    start: Instant,
    record: Option<Box<dyn FnOnce(Duration) + Send>>,
}

impl CounterTiming {
    /// A timing that starts now and gives the time it took to `record`.
    pub fn new(record: impl FnOnce(Duration) + Send + 'static) -> Self {
        Self { start: Instant::now(), record: Some(Box::new(record)) }
    }

    /// A timing that records nothing.
    pub fn inert() -> Self {
        Self { start: Instant::now(), record: None }
    }

    /// Ends the measurement and records it.
    pub fn end_timing(self) {
        let elapsed = self.start.elapsed();
        self.record(elapsed);
    }

    /// Records a time that was measured elsewhere.
    pub(super) fn record(self, elapsed: Duration) {
        if let Some(record) = self.record {
            record(elapsed);
        }
    }
}
