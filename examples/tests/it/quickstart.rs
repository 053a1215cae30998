use std::process::Command;

use pip_services_test_broker::TestBroker;
use pip_services_tests::{Ended, on_each_broker, run};

on_each_broker!(it_runs_at_a_given_broker);

fn quickstart(arguments: &[&str]) -> Ended {
    run(Command::new(env!("CARGO_BIN_EXE_quickstart")).args(arguments))
}

fn assert_complete(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let beginning_with = |start: &str| {
        let lines = ended.stdout.iter().filter(|line| line.starts_with(start));
        lines.map(String::as_str).collect::<Vec<_>>()
    };
    assert_eq!(
        beginning_with("received "),
        [
            "received [order-1,order,pizza]",
            "received [order-2,order,soup]",
            "received [order-3,order,salad]",
            "received [order-4,order,pasta]",
            "received [order-5,order,cake]",
        ]
    );
    let receipts: Vec<_> = (1..=5).map(|number| format!("receipt  [order-{number},receipt,paid]")).collect();
    assert_eq!(beginning_with("receipt "), receipts);
    for queue in ["orders", "receipts"] {
        for event in ["sent_messages", "received_messages"] {
            let counter = format!("] Counter queue.{queue}.{event} Increment count=5");
            assert!(ended.stdout.iter().any(|line| line.ends_with(&counter)), "{counter}: {ended:?}");
        }
    }
    assert_eq!(ended.stderr, "");
}

#[test]
fn it_runs_with_nothing_installed() {
    assert_complete(&quickstart(&[]));
}

fn it_runs_at_a_given_broker(broker: TestBroker) {
    assert_complete(&quickstart(&["--broker", &broker.address()]));
    broker.stop().unwrap();
    let ended = quickstart(&["--broker", &broker.address()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&broker.address()), "{ended:?}");
}

#[test]
fn wrong_usage_is_told() {
    for arguments in [&["--help"][..], &["--broker"], &["--broker", "nowhere"]] {
        let ended = quickstart(arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("HOST:PORT"), "{ended:?}");
    }
}

#[test]
fn it_can_be_read_on_one_page() {
    let lines = include_str!("../../quickstart/main.rs").lines().count();
    assert!(lines <= 80, "{lines} lines");
}
