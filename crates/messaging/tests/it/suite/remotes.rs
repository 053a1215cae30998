use pip_services_messaging::conformance::{Profile, Sharing, run_case};

use super::{
    remote::{Flaw, Hub},
    run::fails_only,
};

/// A queue on a broker with that flaw fails exactly this case.
fn fails_one(flaw: Flaw, case: &str, problem: &str) {
    fails_only(|| Hub::fixture(flaw), &[(case, problem)]);
}

#[test]
fn queues_that_get_names_wrong_fail_the_case_about_that() {
    fails_one(Flaw::SendsByName, "queues_are_isolated", "came from");
    fails_one(Flaw::CutsNames, "queues_are_isolated", "came from");
}

#[test]
fn a_queue_that_shares_against_its_profile_fails_the_case_about_that() {
    let profile = Profile { sharing: Sharing::FanOut, ..Profile::strict() };
    let expected = [("two_instances_share_or_fan_out", "the other of the instances: no message came within")];
    fails_only(|| Hub::fixture(Flaw::None).profile(profile), &expected);
}

#[test]
fn opens_that_fail_in_another_way_than_they_say_fail_the_case_about_that() {
    let case = "open_failure_is_reported";
    fails_one(Flaw::SwallowsOpenErrors, case, "NoBroker: open was Ok");
    fails_one(Flaw::OpenAfterFailure, case, "NoBroker: it is open after an open that failed");
    fails_one(Flaw::StrangeCode, case, "NoBroker: open failed with OOPS");
    fails_one(Flaw::IgnoresRefusal, case, "SubscriptionRefused: open was Ok, and a receive too");
}

#[test]
fn what_is_no_message_must_neither_stop_a_queue_nor_be_skipped_in_silence() {
    let case = "malformed_input_is_skipped";
    fails_one(Flaw::ChokesOnGarbage, case, "after malformed input: receive failed: BAD_ENVELOPE");
    fails_one(Flaw::SkipsInSilence, case, "malformed_messages is 0 after 4 malformed ones");
}

#[test]
fn an_end_that_waits_for_the_receiver_that_called_it_fails_the_case_about_that() {
    let problem = "the receiver's use of the queue did not end within";
    fails_one(Flaw::WaitsForItsReceiver, "receiver_may_use_queue", problem);
}

#[test]
fn a_close_that_loses_what_was_sent_fails_the_case_about_that() {
    fails_one(Flaw::LosesOneAtClose, "close_flushes_acked_sends", "a close right after sends: ");
}

#[test]
fn a_send_that_is_ok_without_a_network_fails_the_case_about_cuts() {
    fails_one(Flaw::LiesInCut, "network_cut_never_lies", "during the cut' did not arrive");
}

#[test]
fn a_queue_without_timeouts_fails_the_case_about_them() {
    let problem = "a receive of one second from a broker that hangs did not end within";
    fails_one(Flaw::Hangs, "stalled_broker_honours_timeouts", problem);
}

#[test]
fn queues_that_do_not_come_back_after_a_loss_fail_the_cases_about_restarts() {
    let receive = "after a restart: within";
    let after = "after the restarts: within";
    let stuck = [("restart_resumes_delivery", receive), ("restart_under_load_loses_nothing", after)];
    fails_only(|| Hub::fixture(Flaw::StuckAfterLoss), &stuck);
    fails_one(
        Flaw::DeafAfterLoss,
        "restart_resumes_delivery",
        "the queue dropped the receiver of its listener",
    );
}

#[test]
fn a_broker_that_repeats_or_forgets_messages_when_it_is_restarted_fails_the_cases_about_that() {
    let twice = [("restart_resumes_delivery", "repeated"), ("restart_under_load_loses_nothing", "repeated")];
    fails_only(|| Hub::fixture(Flaw::RepeatsAfterLoss), &twice);
    fails_one(Flaw::ForgetsAtRestart, "restart_under_load_loses_nothing", "did not arrive within");
    // It may do that where it does not promise more.
    let profile = Profile { durable: false, ..Profile::strict() };
    run_case("restart_under_load_loses_nothing", &Hub::fixture(Flaw::ForgetsAtRestart).profile(profile))
        .unwrap();
}

#[test]
fn messages_for_a_closed_queue_are_kept_or_not_as_the_profile_says() {
    let case = "offline_messages_wait";
    let expected = [("close_flushes_acked_sends", "lost"), (case, "did not arrive within")];
    fails_only(|| Hub::fixture(Flaw::ForgetsTheClosed), &expected);
    let profile = Profile { durable: false, ..Profile::strict() };
    run_case(case, &Hub::fixture(Flaw::ForgetsTheClosed).profile(profile)).unwrap();
    let failure = run_case(case, &Hub::fixture(Flaw::None).profile(profile)).unwrap_err();
    assert!(failure.message().contains("sent while a queue was closed that is not durable"), "{failure}");
}
