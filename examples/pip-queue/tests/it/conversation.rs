use std::collections::HashSet;

use pip_services_test_broker::TestBroker;
use pip_services_tests::{Ended, Running, on_each_broker, run};

use crate::shop::{json, listen, pip_queue};

on_each_broker!(
    what_one_sends_another_prints_as_json_lines,
    each_line_of_standard_input_is_a_message,
    a_listener_with_a_timeout_and_no_count_is_done_when_the_time_is_over,
);

fn assert_silent(sent: &Ended) {
    assert_eq!((sent.code, sent.stdout.as_slice(), sent.stderr.as_str()), (Some(0), &[][..], ""));
}

fn what_one_sends_another_prints_as_json_lines(broker: TestBroker) {
    let listening = listen(&broker, &["--count", "3"]);
    let about = ["--type", "order", "--correlation-id", "123"];
    assert_silent(&run(pip_queue(&broker, "send").args(about).args(["a pizza", "ein Stück Käse"])));
    assert_silent(&run(pip_queue(&broker, "send").args(["-t", "bill", "--", "--count"])));

    let listened = listening.wait();
    assert_eq!(listened.code, Some(0), "{listened:?}");
    let messages: Vec<_> = listened.stdout.iter().map(|line| json(line)).collect();
    assert_eq!(messages.len(), 3, "{listened:?}");
    for message in &messages {
        let keys: Vec<&String> = message.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            ["message_id", "correlation_id", "message_type", "sent_time", "message", "text"],
            "{message}"
        );
        let time = message["sent_time"].as_str().unwrap();
        assert!(time.len() == "2026-01-31T12:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    }
    let field = |key: &str| messages.iter().map(|message| message[key].as_str()).collect::<Vec<_>>();
    assert_eq!(field("correlation_id"), [Some("123"), Some("123"), None]);
    assert_eq!(field("message_type"), [Some("order"), Some("order"), Some("bill")]);
    assert_eq!(field("text"), [Some("a pizza"), Some("ein Stück Käse"), Some("--count")]);
    assert_eq!(
        field("message"),
        [Some("YSBwaXp6YQ=="), Some("ZWluIFN0w7xjayBLw6RzZQ=="), Some("LS1jb3VudA==")]
    );
    assert_eq!(field("message_id").into_iter().collect::<HashSet<_>>().len(), 3, "{messages:?}");
}

fn each_line_of_standard_input_is_a_message(broker: TestBroker) {
    let mut listening = listen(&broker, &["--count", "4"]);
    let mut sending = Running::start(&mut pip_queue(&broker, "send"));
    // At once, and not when the input ends.
    sending.write("first\n");
    assert_eq!(json(&listening.stdout.next_line())["text"], "first");
    // The last line needs no end, and an empty one is an empty message.
    sending.write("second\n\nfourth");
    sending.end_input();
    assert_silent(&sending.wait());

    let listened = listening.wait();
    assert_eq!(listened.code, Some(0), "{listened:?}");
    let texts: Vec<_> = listened.stdout.iter().map(|line| json(line)["text"].clone()).collect();
    assert_eq!(texts, ["first", "second", "", "fourth"]);
}

fn a_listener_with_a_timeout_and_no_count_is_done_when_the_time_is_over(broker: TestBroker) {
    let listened = run(pip_queue(&broker, "listen").args(["--timeout", "100"]));
    assert_eq!((listened.code, listened.stdout.len()), (Some(0), 0), "{listened:?}");
}
