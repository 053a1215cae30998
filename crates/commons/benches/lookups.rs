//! How long a component looks for another, by how many there are.

// Missing components are no matter of speed.
#![allow(clippy::unwrap_used)]

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pip_services_commons::{
    component,
    refer::{Descriptor, IReferences, References, ReferencesExt},
};

trait IQueue: Send + Sync {}

struct Queue;
impl IQueue for Queue {}
component!(Queue: dyn IQueue);

/// Components that differ in their names alone, so that every comparison goes far.
fn references(count: usize) -> References {
    let references = References::new();
    for number in 0..count {
        references.put(locator("pip-services", "mqtt", number, "1.0"), Arc::new(Queue));
    }
    references
}

fn locator(group: &str, kind: &str, number: usize, version: &str) -> Descriptor {
    Descriptor::new(group, "message-queue", kind, &format!("orders-{number}"), version)
}

fn lookups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for count in [10, 100, 1000] {
        let references = references(count);
        let number = count / 2;
        let locators = [
            ("exact", locator("pip-services", "mqtt", number, "1.0")),
            ("wildcard", locator("*", "*", number, "*")),
            ("wildcard of all", Descriptor::new("*", "message-queue", "*", "*", "*")),
        ];
        for (name, locator) in locators {
            group.bench_with_input(BenchmarkId::new(name, count), &locator, |bencher, locator| {
                bencher.iter(|| references.get_one_required::<dyn IQueue>(black_box(locator)).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, lookups);
criterion_main!(benches);
