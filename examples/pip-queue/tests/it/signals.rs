use std::net::TcpListener;

use pip_services_test_broker::TestBroker;
use pip_services_tests::{Running, mosquitto::publish, on_each_broker};

use crate::shop::{TOPIC, at, json, listen, pip_queue};

on_each_broker!(
    a_signal_ends_a_listener_with_exit_code_0,
    a_signal_ends_a_receive_with_exit_code_0,
    a_signal_ends_a_send_that_waits_for_input_with_exit_code_1,
);

const MESSAGE: &str = r#"{"message_id":"1","message":"YQ=="}"#;

fn a_signal_ends_a_listener_with_exit_code_0(broker: TestBroker) {
    for signal in ["INT", "TERM"] {
        let mut listening = listen(&broker, &[]);
        publish(&broker, TOPIC, MESSAGE);
        assert_eq!(json(&listening.stdout.next_line())["message_id"], "1");
        listening.signal(signal);
        let listened = listening.wait();
        assert_eq!((listened.code, listened.stdout.len()), (Some(0), 1), "{signal}: {listened:?}");
    }
}

fn a_signal_ends_a_receive_with_exit_code_0(broker: TestBroker) {
    let mut receiving = Running::start(pip_queue(&broker, "receive").args(["--count", "1000"]));
    pip_services_tests::probe(
        || publish(&broker, TOPIC, MESSAGE),
        |time| receiving.stdout.find("message_id", time).is_some(),
    );
    receiving.signal("TERM");
    let received = receiving.wait();
    assert_eq!(received.code, Some(0), "{received:?}");
}

fn a_signal_ends_a_send_that_waits_for_input_with_exit_code_1(broker: TestBroker) {
    let mut listening = listen(&broker, &["--count", "1"]);
    // As at a terminal: the input stays open.
    let mut sending = Running::start(&mut pip_queue(&broker, "send"));
    sending.write("first\n");
    assert_eq!(json(&listening.stdout.next_line())["text"], "first");
    sending.signal("INT");
    let sent = sending.wait();
    assert_eq!((sent.code, sent.stdout.len()), (Some(1), 0), "{sent:?}");
    assert_eq!(sent.stderr, "pip-queue: INTERRUPTED: stopped before all was sent");
}

#[test]
fn a_signal_ends_the_connecting_to_a_broker_that_never_answers() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    for (command, code) in [("listen", 0), ("count", 0), ("send", 1)] {
        // Longer than a test may take.
        let running = Running::start(at("127.0.0.1", port, command).args(["-p", "TIMEOUT=600000"]));
        let _connection = mute.accept().unwrap();
        running.signal("TERM");
        let ended = running.wait();
        assert_eq!((ended.code, ended.stdout.len()), (Some(code), 0), "{command}: {ended:?}");
    }
}
