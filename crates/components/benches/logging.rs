//! What a message costs that no logger writes.

// References that do not work are no matter of speed.
#![allow(clippy::unwrap_used)]

use std::{fmt, hint::black_box, sync::Arc, thread, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use pip_services_commons::refer::{Descriptor, IReferenceable, IReferences, References};
use pip_services_components::log::{CompositeLogger, ConsoleLogger, ILogger, NullLogger};

/// An argument that would show in any figure if it were formatted.
struct Expensive;

impl fmt::Display for Expensive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        thread::sleep(Duration::from_millis(1));
        f.write_str("expensive")
    }
}

/// The logger of a component, whose references hold some console loggers of level `info`.
fn composite_of(count: usize) -> CompositeLogger {
    let references = References::new();
    for number in 0..count {
        let locator = Descriptor::new("pip-services", "logger", "console", &number.to_string(), "1.0");
        references.put(locator, Arc::new(ConsoleLogger::new()));
    }
    let logger = CompositeLogger::new();
    logger.set_references(&references).unwrap();
    logger
}

fn disabled(criterion: &mut Criterion) {
    let loggers: [(&str, Arc<dyn ILogger>); 5] = [
        ("null", Arc::new(NullLogger::new())),
        ("console", Arc::new(ConsoleLogger::new())),
        ("composite of none", Arc::new(composite_of(0))),
        ("composite of one", Arc::new(composite_of(1))),
        ("composite of three", Arc::new(composite_of(3))),
    ];
    let mut group = criterion.benchmark_group("disabled debug message");
    for (name, logger) in &loggers {
        let logger = &**logger;
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let correlation_id = black_box(Some("123"));
                black_box(logger)
                    .debug(correlation_id, format_args!("Sent {} of {}", Expensive, black_box(5)));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, disabled);
criterion_main!(benches);
