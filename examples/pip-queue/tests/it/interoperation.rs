use pip_services_test_broker::TestBroker;
use pip_services_tests::{
    mosquitto::{Subscription, publish, publish_retained},
    on_each_broker, run,
};

use crate::shop::{TOPIC, json, listen, pip_queue};

on_each_broker!(
    mosquitto_sub_gets_the_envelope_that_is_sent,
    mosquitto_sub_gets_the_payload_alone_of_a_queue_without_envelopes,
    an_envelope_from_mosquitto_pub_is_printed,
    a_payload_from_mosquitto_pub_is_printed_by_a_queue_without_envelopes,
);

fn mosquitto_sub_gets_the_envelope_that_is_sent(broker: TestBroker) {
    let mut subscription = Subscription::new(&broker, TOPIC);
    let sent = run(pip_queue(&broker, "send").args(["-t", "order", "-i", "123", "a pizza"]));
    assert_eq!(sent.code, Some(0), "{sent:?}");
    let body = subscription.next(TOPIC);
    let envelope = json(std::str::from_utf8(&body).unwrap());
    let keys: Vec<&String> = envelope.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["message_id", "correlation_id", "message_type", "sent_time", "message"]);
    assert_eq!(envelope["correlation_id"], "123");
    assert_eq!(envelope["message_type"], "order");
    assert_eq!(envelope["message"], "YSBwaXp6YQ==");
}

fn mosquitto_sub_gets_the_payload_alone_of_a_queue_without_envelopes(broker: TestBroker) {
    let mut subscription = Subscription::new(&broker, TOPIC);
    let sent = run(pip_queue(&broker, "send").args(["-p", "RAW=1", "-t", "order", "a pizza"]));
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(subscription.next(TOPIC), b"a pizza");
}

fn an_envelope_from_mosquitto_pub_is_printed(broker: TestBroker) {
    let listening = listen(&broker, &["--count", "1"]);
    let envelope = r#"{"message_id": "42", "correlation_id": null, "message_type": "order",
        "sent_time": "2026-01-31T12:00:00.000000", "message": "YSBwaXp6YQ=="}"#;
    publish(&broker, TOPIC, envelope);
    let listened = listening.wait();
    assert_eq!(listened.code, Some(0), "{listened:?}");
    let expected = r#"{"message_id":"42","correlation_id":null,"message_type":"order","sent_time":"2026-01-31T12:00:00.000Z","message":"YSBwaXp6YQ==","text":"a pizza"}"#;
    assert_eq!(listened.stdout, [expected]);
}

fn a_payload_from_mosquitto_pub_is_printed_by_a_queue_without_envelopes(broker: TestBroker) {
    // Kept for who subscribes later: to such a queue everything is a message, so that no probe would be lost.
    publish_retained(&broker, TOPIC, "a pizza");
    let listened = run(pip_queue(&broker, "listen").args(["-p", "RAW=1", "--count", "1"]));
    assert_eq!((listened.code, listened.stdout.len()), (Some(0), 1), "{listened:?}");
    let message = json(&listened.stdout[0]);
    assert_eq!(message["text"], "a pizza");
    assert_eq!((&message["message_type"], &message["correlation_id"]), (&TOPIC.into(), &().into()));
}
