//! The public conformance suite, on both engines.

use std::sync::{Arc, LazyLock};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    refer::IReferenceable,
};
use pip_services_messaging::{
    conformance::{Content, Delivery, Fixture, Profile, Sharing},
    queue_conformance,
};
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};

// The cases use topics of their own, so that they can share a broker.
static EMBEDDED: LazyLock<TestBroker> = LazyLock::new(|| TestBroker::start(Engine::Embedded).unwrap());
static MOSQUITTO: LazyLock<TestBroker> = LazyLock::new(|| TestBroker::start(Engine::Mosquitto).unwrap());

fn fixture(broker: &'static LazyLock<TestBroker>, qos: u8, serialize_envelope: bool) -> Fixture {
    let content = if serialize_envelope { Content::Envelope } else { Content::Payload };
    fixture_of(broker, qos, serialize_envelope, "3.1.1", content)
}

fn fixture_of(
    broker: &'static LazyLock<TestBroker>,
    qos: u8,
    serialize_envelope: bool,
    version: &str,
    content: Content,
) -> Fixture {
    let mut config = ConfigParams::from_tuples([("connection.host", broker.host())]);
    config.put("connection.port", broker.port());
    config.put("options.qos", qos);
    config.put("options.serialize_envelope", serialize_envelope);
    config.put("options.mqtt_version", version);
    // What is sent before a consumer has subscribed reaches nobody.
    config.put("options.autosubscribe", true);
    let config = Arc::new(config);
    Fixture::new(move |cx| {
        let config = config.clone();
        async move {
            let queue = MqttMessageQueue::new(cx.queue_name());
            let config = config.iter().map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
            queue.configure(&cx.config(config))?;
            queue.set_references(&cx.references())?;
            Ok(queue)
        }
    })
    .cleanable::<MqttMessageQueue>()
    .profile(Profile {
        delivery: match qos {
            0 => Delivery::AtMostOnce,
            1 => Delivery::AtLeastOnce,
            _ => Delivery::ExactlyOnce,
        },
        sharing: Sharing::FanOut,
        durable: false,
        content,
        max_backlog: Some(10_000),
        ..Profile::strict()
    })
}

fn embedded_qos_0() -> Fixture {
    fixture(&EMBEDDED, 0, true)
}

fn embedded_qos_1() -> Fixture {
    fixture(&EMBEDDED, 1, true)
}

fn embedded_payload_only() -> Fixture {
    fixture(&EMBEDDED, 1, false)
}

fn mosquitto_qos_0() -> Fixture {
    fixture(&MOSQUITTO, 0, true)
}

fn mosquitto_qos_1() -> Fixture {
    fixture(&MOSQUITTO, 1, true)
}

fn mosquitto_qos_2() -> Fixture {
    fixture(&MOSQUITTO, 2, true)
}

/// Payloads that keep their envelope.
fn version_5(broker: &'static LazyLock<TestBroker>, qos: u8) -> Fixture {
    fixture_of(broker, qos, false, "5", Content::Envelope)
        .known_gap("empty_payload", "MQTT has no way to tell an empty payload from none")
        .known_gap("unicode_everywhere", "MQTT forbids control characters in properties; such a send fails")
}

fn embedded_version_5() -> Fixture {
    version_5(&EMBEDDED, 1)
}

fn mosquitto_version_5() -> Fixture {
    version_5(&MOSQUITTO, 2)
}

queue_conformance! { mod on_embedded_qos_0; fixture = embedded_qos_0; }
queue_conformance! { mod on_embedded_qos_1; fixture = embedded_qos_1; }
queue_conformance! { mod on_embedded_payload_only; fixture = embedded_payload_only; }
queue_conformance! { mod on_mosquitto_qos_0; fixture = mosquitto_qos_0; }
queue_conformance! { mod on_mosquitto_qos_1; fixture = mosquitto_qos_1; }
queue_conformance! { mod on_mosquitto_qos_2; fixture = mosquitto_qos_2; }
queue_conformance! { mod on_embedded_version_5; fixture = embedded_version_5; }
queue_conformance! { mod on_mosquitto_version_5; fixture = mosquitto_version_5; }
