use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ErrorCategory,
    refer::{IReferenceable, IReferences, IUnreferenceable, References},
    run::{IClosable, IOpenable},
};
use pip_services_components::{
    connect::MemoryDiscovery,
    count::{ICounters, PrometheusCounters},
    info::ContextInfo,
    log::LogLevel,
};
use tokio::{task::spawn_blocking, time::timeout};

use crate::support::{Recorder, Tuples, config};

const LIMIT: Duration = Duration::from_secs(20);

fn configured(tuples: &[(&str, &str)]) -> Arc<PrometheusCounters> {
    let counters = PrometheusCounters::new();
    counters.configure(&ConfigParams::from_tuples(tuples.iter().copied())).unwrap();
    Arc::new(counters)
}

async fn opened() -> (Arc<PrometheusCounters>, SocketAddr) {
    let counters = configured(&[("connection.host", "127.0.0.1"), ("connection.port", "0")]);
    counters.open(None).await.unwrap();
    let address = counters.local_addr().unwrap();
    (counters, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// The head and the body of the answer.
async fn ask(address: SocketAddr, request: &'static str) -> (String, String) {
    let answer = spawn_blocking(move || {
        let mut stream = connect(address);
        write!(stream, "{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = timeout(LIMIT, answer).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_all_metrics_in_the_form_of_open_metrics() {
    let (counters, address) = opened().await;
    counters.increment("queue.orders.sent_messages", 5);
    counters.begin_timing("orders.exec_time").end_timing();
    let (head, body) = ask(address, "GET /metrics").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(body.contains("\nqueue_sent_messages_total{queue=\"orders\"} 5\n"), "{body}");
    assert!(body.contains("\norders_exec_time_seconds_count{} 1\n"), "{body}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    assert_eq!(body, counters.to_text());
}

#[test]
fn each_measurement_becomes_metrics_of_the_right_type_under_a_name_that_prometheus_takes() {
    type Row = (&'static str, fn(&dyn ICounters), &'static [&'static str]);
    let rows: [Row; 5] = [
        (
            "a sum is a counter",
            |counters| counters.increment("Orders.sent", 5),
            &["# TYPE orders_sent counter", "orders_sent_total{} 5"],
        ),
        (
            "a last value is a gauge",
            |counters| counters.last("orders.length", 2.5),
            &["# TYPE orders_length gauge", "orders_length{} 2.5"],
        ),
        (
            "statistics are gauges",
            |counters| [1.0, 4.0].iter().for_each(|value| counters.stats("orders.size", *value)),
            &[
                "# TYPE orders_size_min gauge",
                "orders_size_min{} 1.0",
                "# TYPE orders_size_max gauge",
                "orders_size_max{} 4.0",
                "orders_size_average{} 2.5",
                "orders_size_count{} 2.0",
            ],
        ),
        (
            "a time is a gauge of seconds",
            |counters| counters.timestamp("orders.last", "2026-01-31T12:00:00.5Z".parse().unwrap()),
            &["# TYPE orders_last_timestamp_seconds gauge", "orders_last_timestamp_seconds{} 1769860800.5"],
        ),
        (
            "a timing is a histogram of seconds",
            |counters| counters.begin_timing("orders.exec_time").end_timing(),
            &[
                "# TYPE orders_exec_time_seconds histogram",
                "orders_exec_time_seconds_count{} 1",
                r#"orders_exec_time_seconds_bucket{le="+Inf"} 1"#,
            ],
        ),
    ];
    for (what, measure, expected) in rows {
        let counters = PrometheusCounters::default();
        measure(&counters);
        let text = counters.to_text();
        for line in expected {
            assert!(text.lines().any(|found| found == *line), "{what}: {line} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_requests_are_told_what_there_is() {
    let (_counters, address) = opened().await;
    for (request, status) in
        [("GET /", "404 Not Found"), ("POST /metrics", "405 Method Not Allowed"), ("HEAD /metrics", "200 OK")]
    {
        let (head, body) = ask(address, request).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        assert_eq!(body, "", "{request}");
    }
    let (_, body) = ask(address, "GET /metrics?x=1").await;
    assert_eq!(body, "# EOF\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_measurements_lose_nothing_while_they_are_read() {
    const THREADS: usize = 8;
    const TIMES: usize = 1000;
    let (counters, address) = opened().await;
    let measuring = counters.clone();
    let measured = spawn_blocking(move || {
        thread::scope(|scope| {
            for number in 0..THREADS {
                let counters = &measuring;
                scope.spawn(move || {
                    for _ in 0..TIMES {
                        counters.increment_one("all.count");
                        counters.increment_one(&format!("thread{number}.count"));
                        counters.stats("all.values", 2.0);
                        counters.begin_timing("all.time").end_timing();
                    }
                });
            }
        });
    });
    while !measured.is_finished() {
        assert!(ask(address, "GET /metrics").await.1.ends_with("# EOF\n"));
    }
    measured.await.unwrap();
    let (_, body) = ask(address, "GET /metrics").await;
    for line in ["all_count_total{} 8000", "all_values_count{} 8000.0", "all_time_seconds_count{} 8000"] {
        assert!(body.lines().any(|found| found == line), "{line} in {body}");
    }
    for number in 0..THREADS {
        assert!(body.contains(&format!("\nthread{number}_count_total{{}} 1000\n")), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_an_error_that_names_its_key_and_leaves_the_counters_closed() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let config = [("connection.host", "127.0.0.1"), ("connection.port", &port.to_string())];
    let counters = configured(&config);
    let error = counters.open(Some("123")).await.unwrap_err();
    assert_eq!(error.message(), format!("cannot listen at 127.0.0.1:{port}: connection.port is in use"));
    assert_eq!((error.code(), error.detail("key")), ("CANNOT_CONNECT", Some("connection.port")));
    assert_eq!(error.correlation_id(), Some("123"));
    assert_eq!((counters.is_open(), counters.local_addr()), (false, None));

    drop(holder);
    counters.open(None).await.unwrap();
    assert_eq!(counters.local_addr().map(|address| address.port()), Some(port));
}

#[tokio::test]
async fn a_wrong_connection_is_a_misconfiguration_that_names_its_key_and_changes_nothing() {
    let counters = configured(&[("connection.host", "127.0.0.1"), ("connection.port", "0")]);
    let rows: [(&str, Tuples, &str, &str); 4] = [
        ("a word for a port", &[("connection.port", "http")], "BAD_VALUE", "connection.port"),
        ("a port out of range", &[("connection.port", "65536")], "BAD_VALUE", "connection.port"),
        (
            "another protocol",
            &[("connection.port", "0"), ("connection.protocol", "https")],
            "UNSUPPORTED_PROTOCOL",
            "connection.protocol",
        ),
        (
            "another protocol of several",
            &[("connections.one.port", "0"), ("connections.two.protocol", "https")],
            "UNSUPPORTED_PROTOCOL",
            "connections.two.protocol",
        ),
    ];
    for (what, tuples, code, key) in rows {
        let error = counters.configure(&config(tuples)).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), (code, Some(key)), "{what}");
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration, "{what}");
    }
    counters.open(None).await.unwrap();
    assert!(counters.local_addr().unwrap().ip().is_loopback());
}

#[tokio::test]
async fn a_connection_that_nobody_can_listen_at_is_an_error_that_names_its_key() {
    let discovered = |tuples| {
        let discovery = MemoryDiscovery::new();
        discovery.configure(&config(tuples)).unwrap();
        let counters = configured(&[("connection.discovery_key", "k")]);
        let references = References::new();
        references.put("pip-services:discovery:memory:default:1.0".parse().unwrap(), Arc::new(discovery));
        counters.set_references(&references).unwrap();
        counters
    };
    for (what, counters, code, key) in [
        ("none", configured(&[]), "NO_CONNECTION", "connection"),
        ("no port", configured(&[("connection.host", "127.0.0.1")]), "NO_PORT", "connection.port"),
        ("no port in discovery", discovered(&[("k.host", "127.0.0.1")]), "NO_PORT", "connection.port"),
        (
            "another protocol in discovery",
            discovered(&[("k.port", "0"), ("k.protocol", "https")]),
            "UNSUPPORTED_PROTOCOL",
            "connection.protocol",
        ),
        (
            "the address of another machine",
            configured(&[("connection.port", "0"), ("connection.host", "192.0.2.1")]),
            "CANNOT_CONNECT",
            "connection.host",
        ),
    ] {
        let error = counters.open(Some("123")).await.unwrap_err();
        assert_eq!((error.code(), error.detail("key")), (code, Some(key)), "{what}");
        assert_eq!(error.correlation_id(), Some("123"), "{what}");
        assert_eq!(error.category() == &ErrorCategory::Misconfiguration, code != "CANNOT_CONNECT", "{what}");
        assert!(!counters.is_open(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_idle_connections_and_keeps_what_was_counted() {
    let (counters, address) = opened().await;
    counters.open(None).await.unwrap();
    assert_eq!(counters.local_addr(), Some(address), "opening twice does nothing");
    counters.increment_one("a");
    let mut idle = connect(address);
    write!(idle, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut half_sent = connect(address);
    write!(half_sent, "GET /met").unwrap();

    timeout(LIMIT, counters.close(None)).await.unwrap().unwrap();
    counters.close(None).await.unwrap();
    assert_eq!((counters.is_open(), counters.local_addr()), (false, None));
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    for mut stream in [idle, half_sent] {
        // Either way, the connection has ended before the limit of reading.
        if let Err(error) = stream.read_to_end(&mut Vec::new()) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    }

    counters.open(None).await.unwrap();
    let (_, body) = ask(counters.local_addr().unwrap(), "GET /metrics").await;
    assert!(body.contains("a_total{} 1"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_does_not_wait_for_a_client_that_does_not_read() {
    let (counters, address) = opened().await;
    // More than the buffers of both sides hold.
    for number in 0..32 {
        counters.increment_one(&format!("queue.{number}{}.sent", "x".repeat(1_000_000)));
    }
    let mut stream = connect(address);
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let stream = spawn_blocking(move || {
        stream.read_exact(&mut [0]).unwrap();
        stream
    });
    let _answering = timeout(LIMIT, stream).await.unwrap().unwrap();
    timeout(LIMIT, counters.close(None)).await.unwrap().unwrap();
}

#[tokio::test]
async fn source_and_instance_are_those_of_the_context_unless_they_are_configured() {
    let references = References::new();
    let context = Arc::new(ContextInfo::from_config(&ConfigParams::from_tuples([("name", "shop")])));
    references.put("pip-services:context-info:default:default:1.0".parse().unwrap(), context.clone());
    let counters = PrometheusCounters::new();
    counters.set_references(&references).unwrap();
    counters.increment_one("a");
    let instance = context.context_id();
    let expected = format!(r#"a_total{{source="shop",instance="{instance}"}} 1"#);
    assert!(counters.to_text().contains(&expected), "{expected} in {}", counters.to_text());

    counters.configure(&ConfigParams::from_tuples([("source", "mine"), ("instance", "one")])).unwrap();
    assert!(counters.to_text().contains(r#"a_total{source="mine",instance="one"} 1"#));

    counters.unset_references();
    drop(references);
    assert_eq!(Arc::strong_count(&context), 1);
}

#[test]
fn a_counter_keeps_its_type() {
    type Measure = fn(&dyn ICounters);
    let measures: [(&str, Measure); 5] = [
        ("Increment", |counters| counters.increment_one("c")),
        ("LastValue", |counters| counters.last("c", 1.0)),
        ("Statistics", |counters| counters.stats("c", 1.0)),
        ("Timestamp", |counters| counters.timestamp_now("c")),
        ("Interval", |counters| counters.begin_timing("c").end_timing()),
    ];
    for (first, measure_first) in measures {
        for (second, measure_second) in measures.iter().filter(|(second, _)| *second != first) {
            let (recorder, references) = Recorder::with_references(LogLevel::Trace);
            let counters = PrometheusCounters::new();
            counters.set_references(&references).unwrap();
            measure_first(&counters);
            let text = counters.to_text();
            measure_second(&counters);
            measure_second(&counters);
            assert_eq!(counters.to_text(), text, "{first}, then {second}");
            let why = format!("the counter is of type {first}");
            let told = format!("--- WARN Measurements of counter c as {second} are ignored: {why}");
            assert_eq!(recorder.lines(), [told]);
        }
    }
}

#[tokio::test]
async fn what_is_ignored_is_told_once_for_each_counter() {
    let (recorder, references) = Recorder::with_references(LogLevel::Trace);
    let counters = PrometheusCounters::new();
    counters.set_references(&references).unwrap();
    counters.increment_one("");
    counters.increment_one("a.b");
    counters.stats("sizes", 1.0);
    for _ in 0..2 {
        counters.increment_one("sizes.min");
        counters.last("a.b", 1.0);
        counters.stats("a_b", 1.0);
        counters.increment("c", -1);
    }
    assert_eq!(
        recorder.lines(),
        [
            "--- DEBUG A measurement of type Increment without a name is ignored",
            "--- WARN Measurements of counter sizes.min as Increment are ignored: the metric sizes_min belongs to another counter",
            "--- WARN Measurements of counter a.b as LastValue are ignored: the counter is of type Increment",
            "--- WARN Measurements of counter c as Increment are ignored: a sum never gets smaller in Prometheus",
        ]
    );
}

#[tokio::test]
async fn discovery_can_tell_where_to_listen() {
    let discovery = MemoryDiscovery::new();
    let known = [("metrics.host", "127.0.0.1"), ("metrics.port", "0")];
    discovery.configure(&ConfigParams::from_tuples(known)).unwrap();
    let references = References::new();
    references.put("pip-services:discovery:memory:default:1.0".parse().unwrap(), Arc::new(discovery));
    let counters = configured(&[("connection.discovery_key", "metrics")]);
    counters.set_references(&references).unwrap();
    counters.open(None).await.unwrap();
    assert!(counters.local_addr().is_some_and(|address| address.ip().is_loopback()));
}
