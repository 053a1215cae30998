//! What the memory queue and envelopes allocate: `cargo bench -p pip-services-messaging --bench allocations`.
//!
//! Fails where memory is not given back or a payload is copied needlessly. Without `--bench`, as
//! `cargo test --all-targets` runs it, fewer messages go through the queue.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program whose purpose is to print figures")]

use std::{alloc::System, time::Duration};

use pip_services_commons::run::{ICleanable, IOpenable};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a queue may keep for later messages.
const KEPT: usize = 256 * 1024;

fn main() {
    let messages = if std::env::args().any(|argument| argument == "--bench") { 1_000_000 } else { 20_000 };
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        one_by_one(messages).await;
        in_backlogs(messages).await;
        cleared(messages / 10).await;
    });
    envelopes();
}

/// Bytes that are allocated now.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn message() -> MessageEnvelope {
    MessageEnvelope::new(Some("123"), "order", "one pizza")
}

async fn opened() -> MemoryMessageQueue {
    let queue = MemoryMessageQueue::new("orders");
    queue.open(None).await.unwrap();
    // What is made once, for the runtime or the queue, is made now.
    queue.send(None, message()).await.unwrap();
    queue.complete(&mut receive(&queue).await).await.unwrap();
    tokio::task::yield_now().await;
    queue
}

async fn receive(queue: &MemoryMessageQueue) -> MessageEnvelope {
    queue.receive(None, Duration::ZERO).await.unwrap().unwrap()
}

async fn one_by_one(messages: usize) {
    let queue = opened().await;
    let (before, region) = (allocated(), Region::new(ALLOCATOR));
    for _ in 0..messages {
        queue.send(None, message()).await.unwrap();
        queue.complete(&mut receive(&queue).await).await.unwrap();
    }
    let allocations = region.change().allocations as f64 / messages as f64;
    let after = allocated();
    println!(
        "{messages} messages one by one: {before} bytes before, {after} after, {allocations:.1} allocations each"
    );
    assert_eq!(after, before);
}

async fn in_backlogs(messages: usize) {
    let queue = opened().await;
    let (before, mut peak, backlog) = (allocated(), 0, messages / 10);
    for _ in 0..10 {
        for _ in 0..backlog {
            queue.send(None, message()).await.unwrap();
        }
        let mut held = Vec::with_capacity(backlog);
        for _ in 0..backlog {
            held.push(receive(&queue).await);
        }
        peak = peak.max(allocated());
        for mut envelope in held {
            queue.complete(&mut envelope).await.unwrap();
        }
    }
    let after = allocated();
    println!(
        "{messages} messages in backlogs of {backlog}, all locked: {before} bytes before, {peak} at the peak, {after} after"
    );
    assert!(after <= before + KEPT, "{} bytes are kept", after - before);
}

async fn cleared(backlog: usize) {
    let queue = opened().await;
    let before = allocated();
    for _ in 0..backlog {
        queue.send(None, message()).await.unwrap();
    }
    let peak = allocated();
    queue.clear(None).await.unwrap();
    let after = allocated();
    println!("{backlog} messages cleared: {before} bytes before, {peak} at the peak, {after} after");
    assert!(after <= before, "{} bytes are kept", after - before);
}

/// An envelope's JSON has the payload once, in base64, and an envelope read from it has it once, as it was.
fn envelopes() {
    const PAYLOAD: usize = 1024 * 1024;
    let (base64, rest) = (PAYLOAD.div_ceil(3) * 4, 1024);
    let envelope = MessageEnvelope::new(Some("123"), "order", vec![7u8; PAYLOAD]);

    let region = Region::new(ALLOCATOR);
    let json = envelope.to_json();
    let encoding = region.change();
    let region = Region::new(ALLOCATOR);
    let read = MessageEnvelope::from_json(json.as_bytes()).unwrap();
    let decoding = region.change();
    assert_eq!(read.get_message(), envelope.get_message());
    println!(
        "a payload of {PAYLOAD} bytes: {} bytes to encode, {} to decode",
        encoding.bytes_allocated, decoding.bytes_allocated
    );
    assert!(encoding.bytes_allocated <= base64 + rest && encoding.bytes_allocated >= base64);
    assert!(decoding.bytes_allocated <= PAYLOAD + rest && decoding.bytes_allocated >= PAYLOAD);
}
