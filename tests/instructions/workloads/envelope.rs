use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group};
use pip_services_messaging::MessageEnvelope;

const TIMES: usize = 100;

fn made(size: usize) -> MessageEnvelope {
    let payload: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
    MessageEnvelope::new(Some("123"), "order", payload)
}

fn written(size: usize) -> String {
    made(size).to_json()
}

#[library_benchmark(setup = made)]
#[bench::payload_of_100_bytes(100)]
#[bench::payload_of_10_000_bytes(10_000)]
fn encode(envelope: MessageEnvelope) {
    for _ in 0..TIMES {
        black_box(black_box(&envelope).to_json());
    }
}

#[library_benchmark(setup = written)]
#[bench::payload_of_100_bytes(100)]
#[bench::payload_of_10_000_bytes(10_000)]
fn decode(json: String) {
    for _ in 0..TIMES {
        black_box(MessageEnvelope::from_json(black_box(json.as_bytes())).unwrap());
    }
}

library_benchmark_group!(name = envelopes, benchmarks = [encode, decode]);
