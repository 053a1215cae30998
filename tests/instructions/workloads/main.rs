//! Fixed workloads whose instructions callgrind counts: `cargo run -p pip-services-instructions`.
//!
//! Each does its work many times, so that what happens only once is lost in it. Where nothing else is said, what is
//! counted is what the thread of the benchmark does in its function. Counting goes off and on at each function whose path
//! is inside of that function's, which that of a closure or an async block is: they stand elsewhere.

#![allow(missing_docs, unreachable_pub, reason = "what the macros write")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the benchmark, as it should")]

mod broker;
mod config;
mod dispatch;
mod envelope;
mod lookup;
mod memory_queue;

use gungraun::{Callgrind, LibraryBenchmarkConfig, main};

use crate::{
    config::configs, dispatch::dispatches, envelope::envelopes, lookup::lookups, memory_queue::memory_queues,
};

// The functions of the C library that copy and compare memory are those that every x86-64 processor can run, so that the
// figures depend less on the machine. The simulation of caches counts what is not asked for.
main!(
    config = LibraryBenchmarkConfig::default()
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM")
        .tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = [envelopes, memory_queues, lookups, configs, dispatches]
);
