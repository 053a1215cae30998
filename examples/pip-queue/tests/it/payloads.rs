use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use pip_services_test_broker::TestBroker;
use pip_services_tests::{Running, mosquitto::publish, on_each_broker, run};

use crate::shop::{TOPIC, json, listen, pip_queue};

on_each_broker!(
    the_bytes_of_a_file_arrive_intact_and_are_no_text,
    a_line_that_is_no_utf8_is_sent_as_it_is,
    what_is_no_message_is_told_of_and_skipped,
);

fn the_bytes_of_a_file_arrive_intact_and_are_no_text(broker: TestBroker) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.bin");
    let bytes: Vec<u8> = (0..=255).collect();
    fs::write(&file, &bytes).unwrap();
    let listening = listen(&broker, &["--count", "1"]);
    let sent = run(pip_queue(&broker, "send").arg("--raw-file").arg(&file));
    assert_eq!((sent.code, sent.stdout.len()), (Some(0), 0), "{sent:?}");

    let listened = listening.wait();
    assert_eq!((listened.code, listened.stdout.len()), (Some(0), 1), "{listened:?}");
    let message = json(&listened.stdout[0]);
    assert_eq!(BASE64_STANDARD.decode(message["message"].as_str().unwrap()).unwrap(), bytes);
    assert!(message.get("text").is_none(), "{message}");
}

fn a_line_that_is_no_utf8_is_sent_as_it_is(broker: TestBroker) {
    let listening = listen(&broker, &["--count", "1"]);
    let mut sending = Running::start(&mut pip_queue(&broker, "send"));
    sending.write([0xff, 0x00, b'a', b'\n']);
    sending.end_input();
    assert_eq!(sending.wait().code, Some(0));
    let message = json(&listening.wait().stdout[0]);
    assert_eq!((&message["message"], message.get("text")), (&"/wBh".into(), None));
}

fn what_is_no_message_is_told_of_and_skipped(broker: TestBroker) {
    let mut listening = listen(&broker, &["--count", "1"]);
    publish(&broker, TOPIC, r#"{"message_id": "cut off"#);
    let told = listening.stderr.next_line_with("bytes are no envelope: EOF");
    assert!(
        told.starts_with("pip-queue: Skipped what arrived from topic 'shop/orders' at [orders]"),
        "{told}"
    );
    assert_eq!(run(pip_queue(&broker, "send").arg("good")).code, Some(0));
    let listened = listening.wait();
    assert_eq!((listened.code, listened.stdout.len()), (Some(0), 1), "{listened:?}");
    assert_eq!(json(&listened.stdout[0])["text"], "good");
}
