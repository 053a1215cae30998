use std::{
    fs,
    future::poll_fn,
    io::Write,
    net::TcpListener as StdTcpListener,
    pin::pin,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use pip_services_commons::{
    config::IConfigurable,
    refer::{IReferenceable, IReferences, References},
    run::{IClosable, IOpenable},
};
use pip_services_components::{count::LogCounters, log::LogLevel};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    time::{Instant, sleep},
};

use crate::{
    alone::{Held, alone, memory, tell},
    packets::{CONNECT, SUBSCRIBE},
    puppet::Puppet,
    support::{Observed, Reacting, config, eventually, message, next, queue},
};

/// How often a queue is opened and closed.
const CYCLES: usize = 1000;

/// How many opens fail in a row.
const FAILURES: usize = 300;

#[test]
fn failed_opens_leave_nothing_and_disturb_no_queue_that_works() {
    alone("leaks::failed_opens_leave_nothing_and_disturb_no_queue_that_works", async || {
        let broker = TestBroker::builder(Engine::Mosquitto).user("me", "right").start().unwrap();
        let right = [("credential.username", "me"), ("credential.password", "right")];
        // A stopped broker keeps its port from everybody else.
        let stopped = TestBroker::start(Engine::Mosquitto).unwrap();
        stopped.stop().unwrap();
        // The system accepts the connections, and nobody ever reads from them.
        let silent = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let dying = dying_broker().await;
        let ports = [stopped.port(), broker.port(), silent.local_addr().unwrap().port(), dying]
            .map(|port| port.to_string());

        let observed = Observed::new();
        let working = queue(&broker, "working", &right);
        working.set_references(&observed.references).unwrap();
        working.open(None).await.unwrap();
        let fail = async |number: usize| {
            let failing = MqttMessageQueue::new("failing");
            let mut parameters = config(&broker, &[("connection.port", &ports[number % ports.len()])]);
            parameters.put("options.connect_timeout", 100);
            failing.configure(&parameters).unwrap();
            assert_eq!(failing.open(None).await.unwrap_err().code(), "CONNECT_FAILED", "{number}");
        };
        for number in 0..ports.len() {
            fail(number).await;
        }
        let before = Held::settled().await;

        let over = Arc::new(AtomicBool::new(false));
        let work = tokio::spawn({
            let (working, over) = (working.clone(), over.clone());
            async move {
                let (mut number, mut longest) = (0, Duration::ZERO);
                while !over.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    working.send(None, message(&number.to_string())).await.unwrap();
                    assert_eq!(next(&working).await, number.to_string());
                    longest = longest.max(start.elapsed());
                    number += 1;
                    sleep(Duration::from_millis(1)).await;
                }
                (number, longest)
            }
        });
        let start = Instant::now();
        for number in 0..FAILURES {
            fail(number).await;
        }
        tell(&format!("{FAILURES} failed opens took {:?}", start.elapsed()));
        over.store(true, Ordering::Relaxed);
        let (count, longest) = work.await.unwrap();
        tell(&format!("meanwhile {count} messages were sent and received, the slowest in {longest:?}"));
        assert!(count > FAILURES, "it was stalled: {count}");
        assert!(longest < Duration::from_secs(5), "it was stalled: {longest:?}");
        assert!(observed.counters.get("mqtt.working.lost_connections").is_none(), "it was disturbed");
        before.again("failed").await;
    });
}

/// Where a broker dies during each CONNECT.
async fn dying_broker() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read_u8().await;
            connection.set_zero_linger().unwrap();
        }
    });
    port
}

#[test]
fn a_queue_that_is_opened_and_closed_again_and_again_leaves_nothing() {
    alone("leaks::a_queue_that_is_opened_and_closed_again_and_again_leaves_nothing", async || {
        for engine in [Engine::Embedded, Engine::Mosquitto] {
            let broker = TestBroker::start(engine).unwrap();
            let same = queue(&broker, "same", &[]);
            let cycle = async |number: usize| {
                let queue = match number % 2 {
                    0 => same.clone(),
                    _ => queue(&broker, "new", &[]),
                };
                queue.open(None).await.unwrap();
                queue.send(None, message("a")).await.unwrap();
                assert_eq!(next(&queue).await, "a");
                // A queue can also be dropped.
                if number % 4 != 3 {
                    queue.close(None).await.unwrap();
                }
            };
            for number in 0..4 {
                cycle(number).await;
            }
            let (before, start) = (Held::settled().await, Instant::now());
            for number in 0..CYCLES {
                cycle(number).await;
            }
            tell(&format!("{CYCLES} cycles on {engine:?} took {:?}", start.elapsed()));
            before.again("all closed").await;
        }
    });
}

/// What a future gives when it is polled so many times, each time when it is woken. It is dropped then.
async fn polled<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let (mut future, mut left) = (pin!(future), times);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[test]
fn an_open_that_is_given_up_at_any_point_leaves_nothing_and_the_next_one_works() {
    alone("leaks::an_open_that_is_given_up_at_any_point_leaves_nothing_and_the_next_one_works", async || {
        let broker = TestBroker::start(Engine::Mosquitto).unwrap();
        let kept = [("client_id", "kept"), ("options.clean_session", "false")];
        let use_it = async |queue: &MqttMessageQueue| {
            queue.send(None, message("a")).await.unwrap();
            assert_eq!(next(queue).await, "a");
            queue.close(None).await.unwrap();
        };
        let first = queue(&broker, "orders", &kept);
        first.open(None).await.unwrap();
        use_it(&first).await;
        let before = Held::settled().await;
        let mut given_up = 0;
        // How far it comes in so many polls is another thing each time.
        for round in 0..72 {
            let queue = queue(&broker, "orders", if round % 2 == 0 { &kept } else { &[] });
            match polled(queue.open(None), round / 2 % 12).await {
                Some(opened) => opened.unwrap(),
                None => {
                    given_up += 1;
                    assert!(!queue.is_open());
                    queue.open(None).await.unwrap();
                }
            }
            use_it(&queue).await;
        }
        tell(&format!("{given_up} were given up"));
        assert!(given_up >= 12, "{given_up}");
        before.again("given up").await;
    });
}

#[test]
fn an_open_that_is_given_up_while_the_broker_says_nothing_leaves_nothing_and_the_next_one_works() {
    let name =
        "leaks::an_open_that_is_given_up_while_the_broker_says_nothing_leaves_nothing_and_the_next_one_works";
    alone(name, async || {
        let puppet = Puppet::start().await;
        let queue = MqttMessageQueue::new("orders");
        let more = [("options.autosubscribe", "true"), ("options.connect_timeout", "2000")];
        queue.configure(&puppet.config(&more)).unwrap();
        let use_it = async || {
            queue.open(None).await.unwrap();
            puppet.publish("orders", "a").await;
            assert_eq!(next(&queue).await, "a");
            queue.close(None).await.unwrap();
        };
        use_it().await;
        let before = Held::settled().await;
        for (kind, line) in [(CONNECT, "CONNECT"), (SUBSCRIBE, "SUBSCRIBE orders")] {
            for _ in 0..3 {
                puppet.set_unanswered(kind, true);
                let asked = puppet.count(line);
                tokio::select! {
                    opened = queue.open(None) => panic!("{opened:?} without an answer to {line}"),
                    () = eventually("it is asked", async || puppet.count(line) > asked) => {}
                }
                puppet.set_unanswered(kind, false);
                // It takes no other connection before the one that was given up is closed.
                use_it().await;
            }
        }
        before.again("given up").await;
    });
}

const PAYLOAD: usize = 1000;
const CACHE: usize = 1000;

#[test]
fn a_flood_to_an_idle_queue_takes_no_more_memory_than_its_cache() {
    alone("leaks::a_flood_to_an_idle_queue_takes_no_more_memory_than_its_cache", || {
        flood(200_000, Duration::ZERO)
    });
}

#[test]
fn a_flood_that_a_slow_logger_hears_of_takes_no_more_memory_than_the_cache() {
    alone("leaks::a_flood_that_a_slow_logger_hears_of_takes_no_more_memory_than_the_cache", || {
        flood(50_000, Duration::from_micros(50))
    });
}

/// A logger that takes its time.
fn slow(time: Duration) -> Arc<Reacting> {
    Reacting::new(LogLevel::Debug, move |_| {
        let start = std::time::Instant::now();
        while start.elapsed() < time {
            std::hint::spin_loop();
        }
    })
}

async fn flood(count: usize, pause: Duration) {
    let (references, counters) = (References::new(), Arc::new(LogCounters::new()));
    references.put("test:logger:slow:default:1.0".parse().unwrap(), slow(pause));
    references.put("pip-services:counters:log:default:1.0".parse().unwrap(), counters.clone());
    let counted = |event: &str| {
        let counter = counters.get(&format!("queue.idle.{event}"));
        counter.and_then(|counter| counter.count).unwrap_or_default() as usize
    };
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let cache = CACHE.to_string();
    let more = [
        ("options.max_cache_size", cache.as_str()),
        ("options.serialize_envelope", "false"),
        ("options.keepalive_timeout", "60000"),
    ];
    let idle = queue(&broker, "idle", &more);
    idle.set_references(&references).unwrap();
    idle.open(None).await.unwrap();
    // Its allocations are there before, and the peak begins anew.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, start) = (memory("VmRSS"), Instant::now());
    let mut client = Command::new("mosquitto_pub")
        .args(["-h", broker.host(), "-p", &broker.port().to_string(), "-t", "idle", "-q", "0", "-l"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("mosquitto_pub is needed");
    let mut lines = client.stdin.take().unwrap();
    let writing = tokio::task::spawn_blocking(move || {
        let line = [&b"x".repeat(PAYLOAD)[..], b"\n"].concat();
        for _ in 0..count {
            lines.write_all(&line).unwrap();
        }
    });
    writing.await.unwrap();
    let mut arrived = 0;
    while arrived < count {
        eventually("more arrive", async || counted("received_messages") > arrived).await;
        arrived = counted("received_messages");
    }
    let grown = memory("VmHWM") - before;
    tell(&format!(
        "{count} messages of {PAYLOAD} bytes in {:?}: {} kB more at the peak than the {} kB before",
        start.elapsed(),
        grown / 1024,
        before / 1024
    ));
    assert!(client.wait().unwrap().success());
    assert_eq!(idle.read_message_count().await.unwrap(), CACHE as u64);
    // A message is counted as received before the one is dropped that gives way to it.
    eventually("the last one gives way", async || counted("dropped_messages") >= count - CACHE).await;
    assert_eq!(counted("dropped_messages"), count - CACHE);
    // The cache, what is on its way through the sockets, and what the allocator keeps; all messages are far more.
    assert!(grown < 25 * CACHE * PAYLOAD, "{grown} bytes");
    idle.close(None).await.unwrap();
}
