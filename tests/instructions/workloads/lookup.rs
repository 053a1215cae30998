use std::{hint::black_box, sync::Arc};

use gungraun::{library_benchmark, library_benchmark_group};
use pip_services_commons::{
    component,
    refer::{Descriptor, IReferences, References, ReferencesExt},
};

/// How many components there are, and how many of them are looked up: each once.
const COMPONENTS: usize = 100;

trait IQueue: Send + Sync {}

struct Queue;
impl IQueue for Queue {}
component!(Queue: dyn IQueue);

/// A locator that goes by the name, with these fields around it.
fn locator(group: &str, kind: &str, number: usize, version: &str) -> Descriptor {
    Descriptor::new(group, "message-queue", kind, &format!("orders-{number}"), version)
}

/// Components that differ in their names alone, so that every comparison goes far.
fn references(group: &str, kind: &str, version: &str) -> (References, Vec<Descriptor>) {
    let references = References::new();
    for number in 0..COMPONENTS {
        references.put(locator("pip-services", "mqtt", number, "1.0"), Arc::new(Queue));
    }
    (references, (0..COMPONENTS).map(|number| locator(group, kind, number, version)).collect())
}

#[library_benchmark(setup = references)]
#[bench::exact("pip-services", "mqtt", "1.0")]
#[bench::wildcard("*", "*", "*")]
fn find_each_of_100((references, locators): (References, Vec<Descriptor>)) {
    for locator in &locators {
        black_box(references.get_one_required::<dyn IQueue>(black_box(locator)).unwrap());
    }
}

library_benchmark_group!(name = lookups, benchmarks = [find_each_of_100]);
