use std::{hint::black_box, sync::Arc, time::Duration};

use gungraun::{Callgrind, EntryPoint, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group};
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::{IReferenceable, IReferences, References},
    run::IOpenable,
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use tokio::runtime::{Builder, Runtime};

use crate::broker::Broker;

const MESSAGES: usize = 1000;

/// What alone is counted, on whatever thread: matching a message with all filters, decoding it and putting it into the cache of
/// its queue. On the rest of the way threads take turns, as chance has it. Were it inlined, nothing would be counted, which is
/// an error.
const ROUTER: &str = "pip_services_mqtt::router::Router::dispatch";

fn router() -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.entry_point(EntryPoint::Custom(ROUTER.to_owned()));
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

/// Queues on one connection, each with a filter of its own, and the broker that has messages for them in turn.
struct Subscribed {
    runtime: Runtime,
    queues: Vec<MqttMessageQueue>,
    broker: Broker,
}

fn subscribed(queues: usize) -> Subscribed {
    let topics = (0..MESSAGES).map(|number| format!("shop/berlin/orders/{}", number % queues));
    let broker = Broker::new(queues, topics, "one pizza");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let queues = runtime.block_on(opened(queues, broker.port));
    Subscribed { runtime, queues, broker }
}

async fn opened(queues: usize, port: u16) -> Vec<MqttMessageQueue> {
    let connection = Arc::new(MqttConnection::new());
    let config = [("connection.host", "127.0.0.1"), ("connection.port", &port.to_string())];
    connection.configure(&ConfigParams::from_tuples(config)).unwrap();
    connection.open(None).await.unwrap();
    let references = References::new();
    references.put("pip-services:connection:mqtt:default:1.0".parse().unwrap(), connection);
    let mut opened = Vec::new();
    for number in 0..queues {
        let queue = MqttMessageQueue::new("orders");
        let config = ConfigParams::from_tuples([
            ("topic", format!("shop/+/orders/{number}").as_str()),
            ("options.autosubscribe", "true"),
            ("options.serialize_envelope", "false"),
        ]);
        queue.configure(&config).unwrap();
        queue.set_references(&references).unwrap();
        queue.open(None).await.unwrap();
        opened.push(queue);
    }
    opened
}

#[library_benchmark(config = router())]
#[bench::to_one_filter(subscribed(1))]
#[bench::to_100_filters(subscribed(100))]
fn dispatch(subscribed: Subscribed) {
    let Subscribed { runtime, queues, broker } = subscribed;
    broker.start();
    runtime.block_on(async {
        for queue in queues.iter().cycle().take(MESSAGES) {
            black_box(queue.receive(None, Duration::from_secs(60)).await.unwrap().unwrap());
        }
    });
}

library_benchmark_group!(name = dispatches, benchmarks = [dispatch]);
