use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group};
use pip_services_commons::config::ConfigParams;
use pip_services_container::ContainerConfigReader;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/workloads/service.yml");

const TIMES: usize = 10;

fn parameters() -> ConfigParams {
    ConfigParams::from_tuples([("MQTT_HOST", "broker"), ("MQTT_USER", "shop"), ("MQTT_PASSWORD", "secret")])
}

#[library_benchmark]
#[bench::of_a_service(parameters())]
fn read_file(parameters: ConfigParams) {
    for _ in 0..TIMES {
        black_box(ContainerConfigReader::read_from_file(None, FILE, black_box(&parameters)).unwrap());
    }
}

library_benchmark_group!(name = configs, benchmarks = [read_file]);
