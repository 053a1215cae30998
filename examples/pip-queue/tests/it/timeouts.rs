use std::time::{Duration, Instant};

use pip_services_test_broker::TestBroker;
use pip_services_tests::{mosquitto::publish_retained, on_each_broker, run};

use crate::shop::{TOPIC, json, pip_queue};

on_each_broker!(
    a_message_too_few_is_exit_code_3_after_the_timeout,
    no_message_is_exit_code_3,
    enough_messages_are_exit_code_0_before_the_timeout,
);

fn a_message_too_few_is_exit_code_3_after_the_timeout(broker: TestBroker) {
    publish_retained(&broker, TOPIC, r#"{"message_id":"1","message":"YQ=="}"#);
    for command in ["receive", "listen"] {
        let start = Instant::now();
        // Enough for a message that the broker has, on a busy machine.
        let taken = run(pip_queue(&broker, command).args(["--count", "2", "--timeout", "2000"]));
        assert_eq!((taken.code, taken.stdout.len()), (Some(3), 1), "{command}: {taken:?}");
        assert_eq!(json(&taken.stdout[0])["message_id"], "1");
        assert!(start.elapsed() >= Duration::from_millis(2000), "{command}: {:?}", start.elapsed());
    }
}

fn no_message_is_exit_code_3(broker: TestBroker) {
    for command in ["receive", "listen"] {
        let taken = run(pip_queue(&broker, command).args(["--count", "2", "--timeout", "300"]));
        assert_eq!(taken.code, Some(3), "{command}: {taken:?}");
        assert_eq!((taken.stdout.as_slice(), taken.stderr.as_str()), (&[][..], ""), "{command}");
    }
}

fn enough_messages_are_exit_code_0_before_the_timeout(broker: TestBroker) {
    publish_retained(&broker, TOPIC, r#"{"message_id":"1","message":"YQ=="}"#);
    for command in ["receive", "listen"] {
        // Longer than a test may take.
        let taken = run(pip_queue(&broker, command).args(["--count", "1", "--timeout", "600000"]));
        assert_eq!((taken.code, taken.stdout.len()), (Some(0), 1), "{command}: {taken:?}");
        let none = run(pip_queue(&broker, command).args(["--count", "0"]));
        assert_eq!((none.code, none.stdout.len()), (Some(0), 0), "{command}: {none:?}");
    }
}
