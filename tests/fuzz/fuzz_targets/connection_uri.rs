//! Runs [`pip_services_fuzz::connection_uri`] under libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| pip_services_fuzz::connection_uri(data));

#[cfg(not(fuzzing))]
fn main() {}
