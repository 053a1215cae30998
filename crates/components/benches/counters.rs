//! What counting one message costs, alone and while another thread counts by the same name.

// References that do not work are no matter of speed.
#![allow(clippy::unwrap_used)]

use std::{
    hint::black_box,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pip_services_commons::refer::{Component, Descriptor, IReferenceable, IReferences, References};
use pip_services_components::count::{
    CompositeCounters, ICounters, LogCounters, NullCounters, PrometheusCounters,
};

/// The counters of a component, whose references hold those of a process.
fn composite_of(counters: Arc<dyn Component>) -> CompositeCounters {
    let references = References::new();
    references.put(Descriptor::new("pip-services", "counters", "any", "default", "1.0"), counters);
    let composite = CompositeCounters::new();
    composite.set_references(&references).unwrap();
    composite
}

/// How long threads take that begin together and increment so many times each.
fn increments(counters: &dyn ICounters, threads: usize, times: u64) -> Duration {
    let ready = Barrier::new(threads + 1);
    let count = || {
        ready.wait();
        for _ in 0..times {
            counters.increment_one(black_box("queue.orders.sent_messages"));
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(count)).collect();
        ready.wait();
        let begin = Instant::now();
        running.into_iter().for_each(|thread| thread.join().unwrap());
        begin.elapsed()
    })
}

fn counters(criterion: &mut Criterion) {
    let all: [(&str, Arc<dyn ICounters>); 5] = [
        ("null", Arc::new(NullCounters::new())),
        ("log", Arc::new(LogCounters::new())),
        ("composite of log", Arc::new(composite_of(Arc::new(LogCounters::new())))),
        ("prometheus", Arc::new(PrometheusCounters::new())),
        ("composite of prometheus", Arc::new(composite_of(Arc::new(PrometheusCounters::new())))),
    ];
    let mut group = criterion.benchmark_group("increment");
    for (name, counters) in &all {
        for threads in [1, 2] {
            group.bench_with_input(BenchmarkId::new(*name, threads), &threads, |bencher, &threads| {
                bencher.iter_custom(|times| increments(&**counters, threads, times));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, counters);
criterion_main!(benches);
