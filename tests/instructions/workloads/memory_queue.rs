use std::{hint::black_box, sync::Arc, time::Duration};

use gungraun::{library_benchmark, library_benchmark_group};
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, IReferences, References},
    run::IOpenable,
};
use pip_services_components::{count::LogCounters, log::ConsoleLogger};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};
use tokio::runtime::{Builder, Runtime};

const MESSAGES: usize = 1000;

/// An open queue, and what goes through it.
struct Opened {
    runtime: Runtime,
    queue: MemoryMessageQueue,
    messages: Vec<MessageEnvelope>,
}

fn alone() -> Opened {
    opened(&References::new())
}

/// With counters, and a logger that is turned off.
fn counted() -> Opened {
    let logger = ConsoleLogger::new();
    logger.configure(&ConfigParams::from_tuples([("level", "none")])).unwrap();
    let references = References::new();
    references.put("pip-services:logger:console:default:1.0".parse().unwrap(), Arc::new(logger));
    references.put("pip-services:counters:log:default:1.0".parse().unwrap(), Arc::new(LogCounters::new()));
    opened(&references)
}

fn opened(references: &References) -> Opened {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let queue = MemoryMessageQueue::new("orders");
    queue.set_references(references).unwrap();
    runtime.block_on(queue.open(None)).unwrap();
    let messages = (0..MESSAGES).map(|_| MessageEnvelope::new(Some("123"), "order", "one pizza")).collect();
    Opened { runtime, queue, messages }
}

async fn take(queue: &MemoryMessageQueue) {
    let mut envelope = queue.receive(None, Duration::ZERO).await.unwrap().unwrap();
    queue.complete(&mut envelope).await.unwrap();
    black_box(envelope);
}

fn one_by_one(opened: Opened) {
    let Opened { runtime, queue, messages } = opened;
    runtime.block_on(async {
        for message in messages {
            queue.send(None, message).await.unwrap();
            take(&queue).await;
        }
    });
}

fn backlog(opened: Opened) {
    let Opened { runtime, queue, messages } = opened;
    runtime.block_on(async {
        for message in messages {
            queue.send(None, message).await.unwrap();
        }
        for _ in 0..MESSAGES {
            take(&queue).await;
        }
    });
}

#[library_benchmark]
#[bench::alone(alone())]
#[bench::with_counters(counted())]
fn send_and_receive(opened: Opened) {
    one_by_one(opened);
}

#[library_benchmark]
#[bench::alone(alone())]
fn send_and_receive_a_backlog(opened: Opened) {
    backlog(opened);
}

library_benchmark_group!(name = memory_queues, benchmarks = [send_and_receive, send_and_receive_a_backlog]);
