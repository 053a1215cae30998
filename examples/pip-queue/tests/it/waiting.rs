use std::{fs, process::Command};

use pip_services_test_broker::TestBroker;
use pip_services_tests::{mosquitto::publish_retained, on_each_broker, run};
use tempfile::TempDir;

use crate::shop::{TOPIC, bare, json, pip_queue};

on_each_broker!(a_message_that_waits_is_shown_and_stays, a_look_without_a_message_shows_none);

fn a_message_that_waits_is_shown_and_stays(broker: TestBroker) {
    publish_retained(&broker, TOPIC, r#"{"message_id":"1","message":"YQ=="}"#);
    // Until one waits, which takes no longer than the broker does.
    let wait = ["--wait", "600000"];
    let peeked = run(pip_queue(&broker, "peek").args(wait));
    assert_eq!((peeked.code, peeked.stdout.len()), (Some(0), 1), "{peeked:?}");
    assert_eq!(json(&peeked.stdout[0])["text"], "a");
    let counted = run(pip_queue(&broker, "count").args(wait));
    assert_eq!((counted.code, counted.stdout), (Some(0), vec!["1".to_owned()]), "{}", counted.stderr);
}

fn a_look_without_a_message_shows_none(broker: TestBroker) {
    for wait in [&[][..], &["--wait", "200"]] {
        let peeked = run(pip_queue(&broker, "peek").args(["--count", "5"]).args(wait));
        assert_eq!((peeked.code, peeked.stdout.len()), (Some(0), 0), "{peeked:?}");
        let counted = run(pip_queue(&broker, "count").args(wait));
        assert_eq!((counted.code, counted.stdout), (Some(0), vec!["0".to_owned()]), "{}", counted.stderr);
    }
}

struct Memory(TempDir);

impl Memory {
    fn pip_queue(&self, command: &str) -> Command {
        let file = self.0.path().join("memory.json");
        fs::write(&file, r#"[{"descriptor": "pip-services:message-queue:memory:orders:1.0"}]"#).unwrap();
        let mut program = bare(command);
        program.arg("-c").arg(file);
        program
    }
}

#[test]
fn a_memory_queue_is_empty_in_each_process() {
    let memory = Memory(tempfile::tempdir().unwrap());
    let sent = run(memory.pip_queue("send").arg("a"));
    assert_eq!((sent.code, sent.stdout.len()), (Some(0), 0), "{sent:?}");
    let counted = run(&mut memory.pip_queue("count"));
    assert_eq!((counted.code, counted.stdout), (Some(0), vec!["0".to_owned()]), "{}", counted.stderr);
    let peeked = run(&mut memory.pip_queue("peek"));
    assert_eq!((peeked.code, peeked.stdout.len()), (Some(0), 0), "{peeked:?}");
}
