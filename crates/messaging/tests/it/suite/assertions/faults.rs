use crate::suite::remote::{Flaw, Hub};
use crate::suite::run::{fails, fails_only};

#[test]
fn a_queue_that_fans_out_passes_and_must_not_repeat_to_one_of_its_instances() {
    fails_only(|| Hub::fans_out(Flaw::None), &[]);
    let problem = "the other of the instances: ";
    fails_only(|| Hub::fans_out(Flaw::RepeatsToOne), &[("two_instances_share_or_fan_out", problem)]);
}

#[test]
fn what_is_no_message_is_logged_and_not_only_counted() {
    let problem = "no warning and no error was logged of malformed input";
    fails_only(|| Hub::fixture(Flaw::OnlyCounts), &[("malformed_input_is_skipped", problem)]);
}

#[test]
fn a_broker_that_hangs_delays_neither_send_nor_close_and_does_not_make_a_receive_give_up() {
    let case = "stalled_broker_honours_timeouts";
    for (flaw, problem) in [
        (Flaw::SendHangs, "did not end within"),
        (Flaw::CloseHangs, "close while the broker hangs did not end within"),
        (Flaw::GivesUpAtOnce, "a receive of 1s ended after"),
    ] {
        fails(&Hub::fixture(flaw), case, problem);
    }
}

#[test]
fn a_queue_that_did_not_open_does_not_send_and_can_be_closed() {
    let case = "open_failure_is_reported";
    let sends = "send after an open that failed was Ok instead of NOT_OPENED";
    fails(&Hub::fixture(Flaw::SendsUnopened), case, sends);
    fails(&Hub::fixture(Flaw::ClosesBadly), case, "close after an open that failed failed: NOT_OPENED");
}
