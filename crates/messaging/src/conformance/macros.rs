/// Makes one `#[test]` of each case of the [conformance suite](crate::conformance), in a module of the given
/// name. `fixture` is the path of a function that gives the [`Fixture`](crate::conformance::Fixture).
///
/// ```
/// use pip_services_messaging::{MemoryMessageQueue, conformance::Fixture, queue_conformance};
///
/// fn fixture() -> Fixture {
///     Fixture::new(|cx| async move { Ok(MemoryMessageQueue::new(cx.queue_name())) })
/// }
///
/// queue_conformance! { mod memory_queue; fixture = fixture; }
/// ```
#[macro_export]
macro_rules! queue_conformance {
    (mod $name:ident; fixture = $fixture:path;) => {
        mod $name {
            // The path of the fixture is one of the parent's.
            #[allow(unused_imports)]
            use super::*;

            $crate::__conformance_cases! { $crate::__conformance_tests, $fixture }
        }
    };
}

/// All cases, given to the macro `then`: each with its module, and with the capabilities it cannot do without.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($then:path $(, $argument:path)?) => {
        $then! {
            $($argument;)?
            lifecycle::capabilities_are_stable [];
            lifecycle::absent_capability_is_refused [];
            lifecycle::open_and_close_are_idempotent [];
            lifecycle::closed_queue_refuses_work [];
            lifecycle::close_wakes_pending_receive [Receive];
            fidelity::send_then_receive [Send, Receive];
            fidelity::envelope_fields_round_trip [Send, Receive];
            fidelity::sent_envelope_is_a_copy [Send, Receive];
            fidelity::binary_payload [Send, Receive];
            timing::receive_then_send [Send, Receive];
            timing::empty_receive_times_out_on_time [Receive];
            timing::zero_timeout_receive [Send, Receive];
            copies::repeated_reads_do_not_multiply [Send, Receive];
            copies::queues_are_isolated [Send, Receive];
            peek::peek_leaves_message [Send, Receive, Peek];
            listener::listener_receives [Send, Receive];
            listener::listener_gets_backlog_once [Send, Receive];
            listener::failing_receiver_keeps_listening [Send, Receive];
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($fixture:path; $($module:ident::$case:ident [$($needs:ident),*];)+) => {$(
        #[test]
        fn $case() {
            match $crate::conformance::run_case(stringify!($case), &$fixture()) {
                Ok(outcome) => outcome.report(),
                Err(failure) => panic!("{failure}"),
            }
        }
    )+};
}
