//! Measures the MQTT queue beside its peers: `cargo run --release -p pip-services-performance`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pip_services_performance::run()
}
