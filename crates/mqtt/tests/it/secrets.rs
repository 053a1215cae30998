use std::sync::{Mutex, Once};

use log::{LevelFilter, Log, Metadata, Record};
use pip_services_commons::{
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::IMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};

use crate::{
    certificates::{Authority, broker_as},
    support::{Observed, message, next, queue},
};

/// All that the libraries log, from whichever test.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Everything;

impl Log for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.lock().unwrap().push(format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn listen_to_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Everything).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn no_log_shows_a_secret_at_any_level_and_on_any_protocol() {
    listen_to_everything();
    let (password, wrong, key_password) = ("hunter2-of-the-user", "a-wrong-guess", "swordfish-of-the-key");
    let authority = Authority::new();
    let client = authority.sign("client");
    let encrypted = client.encrypted_key(key_password);
    let (ca, cert, key) = (
        authority.ca_file(),
        authority.file("client.pem", &client.certificate),
        authority.file("key.pem", &encrypted),
    );
    let observed = Observed::new();
    let identity = authority.sign("127.0.0.1");
    let user =
        |builder: pip_services_test_broker::TestBrokerBuilder| builder.user("me", password).start().unwrap();
    let tls = || broker_as(&identity).client_ca(authority.pem());
    let brokers = [
        ("mqtt", user(TestBroker::builder(Engine::Mosquitto))),
        ("mqtts", user(tls())),
        ("ws", user(TestBroker::builder(Engine::Mosquitto).websocket())),
        ("wss", user(tls().websocket())),
    ];
    for (protocol, broker) in &brokers {
        let mut config = vec![("connection.protocol", *protocol), ("credential.username", "me")];
        if protocol.ends_with("s") && *protocol != "ws" {
            config.extend([
                ("connection.ca", ca.as_str()),
                ("connection.cert", cert.as_str()),
                ("connection.key", key.as_str()),
                ("connection.key_password", key_password),
            ]);
        }
        let refused = queue(broker, "orders", &[&config[..], &[("credential.password", wrong)]].concat());
        refused.set_references(&observed.references).unwrap();
        let error = refused.open(None).await.unwrap_err();
        assert_eq!(error.detail("key"), Some("credential.password"), "{protocol}: {error:#}");
        assert!(!format!("{error:?} {error:#}").contains(wrong));

        let queue = queue(broker, "orders", &[&config[..], &[("credential.password", password)]].concat());
        queue.set_references(&observed.references).unwrap();
        queue.open(None).await.unwrap();
        queue.send(None, message("a")).await.unwrap();
        assert_eq!(next(&queue).await, "a");
        queue.close(None).await.unwrap();
    }

    let lines = [observed.log.lines(), LINES.lock().unwrap().clone()].concat();
    // Otherwise there is nothing to look at.
    for target in ["paho_mqtt", "tungstenite"] {
        assert!(lines.iter().any(|line| line.starts_with(target)), "{target} logs nothing");
    }
    let key_material = encrypted.lines().nth(1).unwrap();
    for secret in [password, wrong, key_password, key_material] {
        let bytes = format!("{:?}", secret.as_bytes());
        let forms = [secret.to_owned(), hexadecimal(secret), bytes.trim_matches(['[', ']']).to_owned()];
        let shown = lines.iter().find(|line| forms.iter().any(|form| line.contains(form)));
        assert_eq!(shown, None, "'{secret}' is shown");
    }
}
