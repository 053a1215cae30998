use std::{net::TcpListener, sync::Arc, time::Duration};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorCategory},
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::IMessageQueue;
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};

use crate::{
    certificates::{Authority, broker_as},
    support::{Observed, eventually, message, next, open, queue},
};

const MQTTS: (&str, &str) = ("connection.protocol", "mqtts");

async fn open_error(broker: &TestBroker, more: &[(&str, &str)]) -> ApplicationError {
    let queue = queue(broker, "orders", more);
    let error = queue.open(Some("c")).await.unwrap_err();
    assert!(!queue.is_open());
    assert_eq!(error.correlation_id(), Some("c"));
    error
}

async fn connect_failure(broker: &TestBroker, more: &[(&str, &str)], key: &str) -> String {
    let error = open_error(broker, more).await;
    assert_eq!((error.code(), error.category()), ("CONNECT_FAILED", &ErrorCategory::NoResponse), "{error:#}");
    assert_eq!(error.detail("key"), Some(key), "{error:#}");
    assert!(error.message().contains(key), "{error:#}");
    error.message().to_owned()
}

async fn misconfiguration(broker: &TestBroker, more: &[(&str, &str)], key: &str) -> String {
    let error = open_error(broker, more).await;
    assert_eq!(
        (error.code(), error.category()),
        ("BAD_VALUE", &ErrorCategory::Misconfiguration),
        "{error:#}"
    );
    assert_eq!(error.detail("key"), Some(key), "{error:#}");
    assert!(error.message().contains(key), "{error:#}");
    format!("{error:?} {error:#}")
}

async fn works(queue: &Arc<MqttMessageQueue>) {
    queue.send(None, message("a")).await.unwrap();
    assert_eq!(next(queue).await, "a");
    queue.close(None).await.unwrap();
}

#[tokio::test]
async fn a_broker_whose_certificate_the_ca_signed_is_trusted() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign("127.0.0.1")).start().unwrap();
    let ca = authority.ca_file();
    works(&open(&broker, "orders", &[MQTTS, ("connection.ca", &ca)]).await).await;
    let uri = format!("mqtts://127.0.0.1:{}", broker.port());
    works(&open(&broker, "orders", &[("connection.uri", &uri), ("connection.ca", &ca)]).await).await;
}

#[tokio::test]
async fn large_messages_pass_both_ways_over_tls() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign("127.0.0.1")).start().unwrap();
    let queue = open(&broker, "orders", &[MQTTS, ("connection.ca", &authority.ca_file())]).await;
    for length in [1_000, 100_000, 3_000_000] {
        let text = "x".repeat(length);
        queue.send(None, message(&text)).await.unwrap();
        assert!(next(&queue).await == text, "{length} bytes came back as others");
    }
    queue.close(None).await.unwrap();
}

#[tokio::test]
async fn a_broker_that_another_ca_signed_is_refused_and_so_is_one_unknown_to_the_system() {
    let (authority, other) = (Authority::new(), Authority::new());
    let broker = broker_as(&other.sign("127.0.0.1")).start().unwrap();
    let ca = authority.ca_file();
    let why = connect_failure(&broker, &[MQTTS, ("connection.ca", &ca)], "connection.ca").await;
    assert!(why.contains("signed by nobody who is trusted"), "{why}");
    // Without a CA those of the system count, of which some systems have none.
    let error = open_error(&broker, &[MQTTS]).await;
    assert_eq!(error.detail("key"), Some("connection.ca"), "{error:#}");
    works(&open(&broker, "orders", &[MQTTS, ("connection.insecure", "true")]).await).await;
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused_unless_its_name_is_the_one_to_expect() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign("broker.example.com")).start().unwrap();
    let (ca, name) = (authority.ca_file(), "connection.server_name");
    let why = connect_failure(&broker, &[MQTTS, ("connection.ca", &ca)], name).await;
    assert!(why.contains("another name") && why.contains("broker.example.com"), "{why}");
    connect_failure(&broker, &[MQTTS, ("connection.ca", &ca), (name, "other.example.com")], name).await;
    works(&open(&broker, "orders", &[MQTTS, ("connection.ca", &ca), (name, "broker.example.com")]).await)
        .await;
    misconfiguration(&broker, &[MQTTS, ("connection.ca", &ca), (name, "not a name")], name).await;
}

#[tokio::test]
async fn the_certificate_of_an_authority_is_none_of_a_broker() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign_authority("127.0.0.1")).start().unwrap();
    let ca = authority.ca_file();
    let why = connect_failure(&broker, &[MQTTS, ("connection.ca", &ca)], "connection.host").await;
    assert!(
        why.contains("certificate is a certificate authority's; sign one for the broker with it"),
        "{why}"
    );
    assert!(why.contains("basicConstraints=CA:FALSE"), "{why}");
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign_expired("127.0.0.1")).start().unwrap();
    let ca = authority.ca_file();
    let why = connect_failure(&broker, &[MQTTS, ("connection.ca", &ca)], "connection.host").await;
    assert!(why.contains("has expired"), "{why}");
}

#[tokio::test]
async fn a_broker_that_asks_for_a_client_certificate_gets_it() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign("127.0.0.1")).client_ca(authority.pem()).start().unwrap();
    let client = authority.sign("client");
    let ca = authority.ca_file();
    let cert = authority.file("client.pem", &client.certificate);
    let key = authority.file("client-key.pem", &client.key.serialize_pem());
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        [MQTTS, ("connection.ca", ca.as_str()), ("connection.cert", cert.as_str())]
            .iter()
            .chain(more)
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect()
    };
    fn borrowed<'a>(config: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
        config.iter().map(|(key, value)| (*key, value.as_str())).collect()
    }

    let why = connect_failure(&broker, &[MQTTS, ("connection.ca", &ca)], "connection.cert").await;
    assert!(why.contains("asks for a client certificate"), "{why}");
    works(&open(&broker, "orders", &borrowed(&with(&[("connection.key", &key)]))).await).await;

    let stranger = Authority::new().sign("client");
    let stranger_cert = authority.file("stranger.pem", &stranger.certificate);
    let stranger_key = authority.file("stranger-key.pem", &stranger.key.serialize_pem());
    let refused = [
        MQTTS,
        ("connection.ca", ca.as_str()),
        ("connection.cert", stranger_cert.as_str()),
        ("connection.key", stranger_key.as_str()),
    ];
    let why = connect_failure(&broker, &refused, "connection.cert").await;
    assert!(why.contains("refused the client certificate"), "{why}");

    let encrypted = authority.file("encrypted.pem", &client.encrypted_key("hunter2"));
    let encrypted = ("connection.key", encrypted.as_str());
    let right = with(&[encrypted, ("connection.key_password", "hunter2")]);
    works(&open(&broker, "orders", &borrowed(&right)).await).await;
    let wrong = with(&[encrypted, ("connection.key_password", "swordfish")]);
    let shown = misconfiguration(&broker, &borrowed(&wrong), "connection.key_password").await;
    assert!(!shown.contains("swordfish"), "{shown}");
    misconfiguration(&broker, &borrowed(&with(&[encrypted])), "connection.key_password").await;
}

#[tokio::test]
async fn files_that_do_not_hold_what_they_should_are_errors_that_name_their_key() {
    let authority = Authority::new();
    // Nothing connects to it.
    let broker = TestBroker::start(Engine::Embedded).unwrap();
    let (client, other) = (authority.sign("client"), authority.sign("other"));
    let missing = authority.folder().join("missing.pem").display().to_string();
    let text = authority.file("text.pem", "no PEM at all");
    let broken =
        authority.file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let cut = authority.file("cut.pem", &authority.pem()[..100]);
    for ca in [&missing, &text, &broken, &cut] {
        misconfiguration(&broker, &[MQTTS, ("connection.ca", ca)], "connection.ca").await;
    }
    let ca = authority.ca_file();
    let cert = authority.file("client.pem", &client.certificate);
    let key = client.key.serialize_pem();
    let old =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let not_encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let keys = [
        missing.clone(),
        text.clone(),
        ca.clone(),
        authority.file("other-key.pem", &other.key.serialize_pem()),
        authority.file("old.pem", old),
        authority.file("no-key.pem", no_key),
        authority.file("not-encrypted.pem", not_encrypted),
        key.clone(),
    ];
    for wrong in &keys {
        let config = [
            MQTTS,
            ("connection.ca", ca.as_str()),
            ("connection.cert", cert.as_str()),
            ("connection.key", wrong.as_str()),
            ("connection.key_password", "hunter2"),
        ];
        let shown = misconfiguration(&broker, &config, "connection.key").await;
        assert!(!shown.contains("hunter2") && !shown.contains("PRIVATE KEY"), "{shown}");
    }
    let key = authority.file("client-key.pem", &key);
    for cert in [&missing, &text, &broken] {
        let config =
            [MQTTS, ("connection.ca", ca.as_str()), ("connection.cert", cert), ("connection.key", &key)];
        misconfiguration(&broker, &config, "connection.cert").await;
    }
    misconfiguration(&broker, &[MQTTS, ("connection.key", &key)], "connection.cert").await;
    misconfiguration(&broker, &[MQTTS, ("connection.cert", &cert)], "connection.key").await;
    misconfiguration(&broker, &[MQTTS, ("connection.insecure", "perhaps")], "connection.insecure").await;
}

#[tokio::test]
async fn a_plain_broker_is_told_from_one_that_speaks_tls() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let error = open_error(&broker, &[MQTTS, ("connection.insecure", "true")]).await;
    assert_eq!(
        (error.code(), error.detail("key")),
        ("CONNECT_FAILED", Some("connection.protocol")),
        "{error:#}"
    );
}

#[tokio::test]
async fn a_plain_connection_to_a_broker_that_speaks_tls_tells_what_to_set() {
    let broker = broker_as(&Authority::new().sign("127.0.0.1")).start().unwrap();
    let why = connect_failure(&broker, &[], "connection.host").await;
    assert!(why.contains("where it expects TLS, set connection.protocol to mqtts"), "{why}");
}

#[tokio::test]
async fn a_queue_reconnects_over_tls_when_its_broker_is_back() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign("127.0.0.1")).start().unwrap();
    let queue = open(&broker, "orders", &[MQTTS, ("connection.ca", &authority.ca_file())]).await;
    broker.crash().unwrap();
    broker.restart().unwrap();
    // One that was on its way when the connection broke is an error.
    eventually("a message arrives", || async { queue.send(None, message("again")).await.is_ok() }).await;
    assert_eq!(next(&queue).await, "again");
    queue.close(None).await.unwrap();
}

#[tokio::test]
async fn what_is_not_verified_is_a_warning_at_each_open() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign("broker.example.com")).start().unwrap();
    let observed = Observed::new();
    let queue = queue(&broker, "orders", &[MQTTS, ("connection.insecure", "true")]);
    queue.set_references(&observed.references).unwrap();
    for opened in 1..=2 {
        queue.open(None).await.unwrap();
        queue.close(None).await.unwrap();
        let lines = observed.log.lines();
        let warnings = lines.iter().filter(|line| line.contains("connection.insecure")).collect::<Vec<_>>();
        assert_eq!(warnings.len(), opened, "{lines:?}");
        assert!(warnings.iter().all(|line| line.starts_with("WARN")), "{warnings:?}");
    }
}

#[tokio::test]
async fn a_host_that_never_answers_a_handshake_is_given_up_and_disturbs_nobody() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let working = open(&broker, "working", &[]).await;
    // The system accepts the connection, and nobody ever reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for protocol in ["mqtts", "ws", "wss"] {
        let more = [
            ("connection.protocol", protocol),
            ("connection.port", port.as_str()),
            ("options.connect_timeout", "700"),
        ];
        let silent = queue(&broker, "silent", &more);
        let opening = tokio::spawn(async move { silent.open(None).await.unwrap_err() });
        let mut sent = 0;
        while !opening.is_finished() {
            let one = tokio::time::timeout(Duration::from_secs(20), working.send(None, message("a")));
            one.await.expect("the other queue is held up").unwrap();
            assert_eq!(next(&working).await, "a");
            sent += 1;
        }
        assert!(sent > 0);
        let error = opening.await.unwrap();
        assert_eq!(error.code(), "CONNECT_FAILED");
        assert_eq!(error.detail("key"), Some("options.connect_timeout"), "{error:#}");
    }
    working.close(None).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_one_of_several_brokers_is_told_with_its_section() {
    let (authority, other) = (Authority::new(), Authority::new());
    let encrypted = broker_as(&other.sign("127.0.0.1")).start().unwrap();
    let plain = TestBroker::start(Engine::Mosquitto).unwrap();
    let (ca, missing) = (authority.ca_file(), authority.folder().join("missing.pem").display().to_string());
    let ws = ("protocol", "ws");
    let mqtts = ("protocol", "mqtts");
    type Case<'a> = (&'a TestBroker, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 7] = [
        (&encrypted, &[mqtts, ("ca", &ca)], "ca"),
        (&encrypted, &[mqtts, ("ca", &missing)], "ca"),
        (&encrypted, &[mqtts, ("cert", &ca)], "key"),
        (&encrypted, &[mqtts, ("insecure", "perhaps")], "insecure"),
        (&plain, &[mqtts, ("insecure", "true")], "protocol"),
        (&plain, &[ws], "protocol"),
        (&plain, &[("ca", &ca)], "ca"),
    ];
    for (broker, parameters, key) in cases {
        let observed = Observed::new();
        let mut config = ConfigParams::from_tuples([
            // Nobody listens there.
            ("connections.a.host", "127.0.0.1"),
            ("connections.a.port", "1"),
            ("connections.b.host", "127.0.0.1"),
        ]);
        config.put("connections.b.port", broker.port());
        parameters.iter().for_each(|(key, value)| config.put(format!("connections.b.{key}"), *value));
        let queue = MqttMessageQueue::new("orders");
        queue.configure(&config).unwrap();
        queue.set_references(&observed.references).unwrap();
        let error = queue.open(None).await.unwrap_err();
        let key = format!("connections.b.{key}");
        assert_eq!(error.detail("key"), Some(key.as_str()), "{parameters:?}: {error:#}");
        let shown = format!("{error:#} {:?}", observed.log.lines());
        assert!(shown.contains(&key) && !shown.contains("connection."), "{parameters:?}: {shown}");
    }
}
