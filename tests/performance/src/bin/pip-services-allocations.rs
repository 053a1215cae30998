//! A process that is measured, as the other program starts them, with an allocator that counts. It is a program of its
//! own because counting costs every allocation a little, which should not slow the others down.

use std::{alloc::System, process::ExitCode};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    pip_services_performance::run_counting(|| {
        let stats = ALLOCATOR.stats();
        stats.allocations + stats.reallocations
    })
}
