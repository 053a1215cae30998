use std::{
    io::Write,
    process::{Command, Stdio},
    sync::Arc,
};

use pip_services_commons::{refer::IReferenceable, run::IClosable, run::IOpenable};
use pip_services_messaging::{IMessageQueue, TestMessageReceiver};
use pip_services_test_broker::TestBroker;

use crate::support::{Observed, SOON, eventually, message, on_each_broker, queue, text};

on_each_broker!(whatever_another_client_publishes_is_skipped_and_the_next_message_is_handled);

const LARGE: usize = 10 * 1024 * 1024;

/// What is no message, of whatever kind.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let envelope = message("a text").to_json().into_bytes();
    let large = message(&"a long text ".repeat(LARGE / 12)).to_json().into_bytes();
    let random = |length| {
        let mut bytes = vec![0; length];
        fastrand::Rng::with_seed(7).fill(&mut bytes);
        bytes
    };
    vec![
        ("nothing", Vec::new()),
        ("random bytes", random(256)),
        ("half an envelope", envelope[..envelope.len() / 2].to_vec()),
        ("an envelope but for its end", envelope[..envelope.len() - 1].to_vec()),
        ("an envelope and more", [&envelope[..], b"}"].concat()),
        ("an array", b"[1, 2]".to_vec()),
        ("an envelope in an array", [b"[", &envelope[..], b"]"].concat()),
        ("nothing in JSON", b"null".to_vec()),
        ("a text in JSON", b"\"text\"".to_vec()),
        ("an object of something else", b"{\"order\": 5, \"lines\": [{\"message\": \"x\"}]}".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("an id of another type", b"{\"message_id\": 17, \"message\": \"YQ==\"}".to_vec()),
        ("a payload of another type", b"{\"message_id\": \"1\", \"message\": {\"a\": 1}}".to_vec()),
        ("a time that is none", b"{\"message_id\": \"1\", \"sent_time\": \"yesterday\"}".to_vec()),
        ("half a long envelope", large[..large.len() / 2].to_vec()),
        ("many random bytes", random(LARGE)),
        ("deep JSON", [b"{\"message\":", &b"[".repeat(LARGE)[..]].concat()),
        (
            "a long time that is none",
            [b"{\"message_id\": \"1\", \"sent_time\": \"", &b"x".repeat(LARGE)[..], b"\"}"].concat(),
        ),
    ]
}

/// Publishes by a program of another project.
fn publish(broker: &TestBroker, topic: &str, payload: &[u8]) {
    let source = if payload.is_empty() { "-n" } else { "-s" };
    let mut client = Command::new("mosquitto_pub")
        .args(["-h", broker.host(), "-p", &broker.port().to_string(), "-t", topic, "-q", "1", source])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mosquitto_pub is needed");
    client.stdin.take().unwrap().write_all(payload).unwrap();
    let ended = client.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

async fn whatever_another_client_publishes_is_skipped_and_the_next_message_is_handled(broker: TestBroker) {
    let observed = Observed::new();
    // Signs of life wait behind long messages.
    let queue = queue(&broker, "orders", &[("options.keepalive_timeout", "60000")]);
    queue.set_references(&observed.references).unwrap();
    queue.open(None).await.unwrap();
    let receiver = Arc::new(TestMessageReceiver::new());
    queue.clone().begin_listen(None, receiver.clone()).unwrap();
    let skipped =
        || observed.log.lines().into_iter().filter(|line| line.contains("Skipped what")).collect::<Vec<_>>();
    let mut sent = Vec::new();
    for (number, (what, payload)) in malformed().into_iter().enumerate() {
        publish(&broker, "orders", &payload);
        eventually(what, async || observed.count("orders", "malformed_messages") == number as i64 + 1).await;
        publish(&broker, "orders", message(what).to_json().as_bytes());
        sent.push(what);
        let handled: Vec<_> = receiver.wait_for_messages(sent.len(), SOON).await.iter().map(text).collect();
        assert_eq!(handled, sent);
        let line = skipped().pop().unwrap();
        assert!(line.starts_with("ERROR Skipped what arrived from topic 'orders'"), "{what}: {line}");
        assert!(line.contains(&format!("{} bytes", payload.len())), "{what}: {line}");
        assert!(line.contains("set options.serialize_envelope to false"), "{what}: {line}");
        assert!(line.len() < 500, "{what}: a line of {} bytes", line.len());
        assert_eq!(skipped().len(), sent.len(), "{what}");
    }
    assert_eq!(observed.count("orders", "received_messages"), sent.len() as i64);
    assert_eq!(observed.counters.get("mqtt.orders.lost_connections").map(|counter| counter.count), None);
    queue.close(None).await.unwrap();
}
