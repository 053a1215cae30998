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
///
/// The cases about faults are `#[ignore]`d, but for a fixture with a
/// [`FaultInjector`](crate::conformance::FaultInjector): then say
/// `queue_conformance! { mod my_queue; fixture = fixture; faults; }`.
#[macro_export]
macro_rules! queue_conformance {
    (mod $name:ident; fixture = $fixture:path;) => {
        $crate::queue_conformance! { @ $name, $fixture, $crate::__conformance_tests }
    };
    (mod $name:ident; fixture = $fixture:path; faults;) => {
        $crate::queue_conformance! { @ $name, $fixture, $crate::__conformance_tests_with_faults }
    };
    (@ $name:ident, $fixture:path, $tests:path) => {
        mod $name {
            // The path of the fixture is one of the parent's.
            #[allow(unused_imports)]
            use super::*;

            $crate::__conformance_cases! { $tests, $fixture }
        }
    };
}

/// All cases, given to the macro `then`, each with its module, the capabilities that it cannot do without (one of
/// those between bars), whether it needs faults, and what must hold.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($then:path $(, $argument:path)?) => {
        $then! {
            $($argument;)?
            "A. Lifecycle" {
                1 lifecycle::capabilities_are_stable []:
                    "the flags are the same before open, while open, after close, and in another instance";
                2 lifecycle::absent_capability_is_refused []:
                    "an operation whose flag is false fails with `NOT_SUPPORTED` and does no harm";
                3 lifecycle::open_and_close_are_idempotent []:
                    "opening twice, closing twice and closing unopened are Ok, and one send arrives once";
                5 lifecycle::closed_queue_refuses_work []:
                    "before open and after close every operation fails with `NOT_OPENED` at once";
                7 lifecycle::close_wakes_pending_receive [Receive]:
                    "a receive that waits ends within a second of close, with `None` or `NOT_OPENED`";
            }
            "B. Fidelity and timing" {
                10 fidelity::send_then_receive [Send, Receive]:
                    "the payload is the one that was sent";
                11 timing::receive_then_send [Send, Receive]:
                    "a receive of 30 seconds returns as soon as the message is there";
                12 fidelity::envelope_fields_round_trip [Send, Receive]:
                    "id, type and correlation id are those that were sent, and the time is that of the send";
                13 fidelity::sent_envelope_is_a_copy [Send, Receive]:
                    "what is done to an envelope on one side is not seen on the other";
                15 payloads::binary_payload [Send, Receive]:
                    "all bytes arrive: NUL, those that are no UTF-8, and the rest";
                20 timing::empty_receive_times_out_on_time [Receive]:
                    "a receive of 300 ms from an empty queue gives `None`, not sooner and not much later";
                21 timing::zero_timeout_receive [Send, Receive]:
                    "a receive without a wait gives what is there, and `None` at once when nothing is";
                23 copies::repeated_reads_do_not_multiply [Send, Receive]:
                    "after 20 reads of the empty queue one send arrives in one copy";
                24 copies::queues_are_isolated [Send, Receive]:
                    "queues of similar names, or whose topics are each other's names, get their own messages only";
            }
            "C. Peek, count, clear" {
                26 peek::peek_leaves_message [Send, Receive, Peek]:
                    "peek gives the head, again and again, without a lock, and `None` from an empty queue";
            }
            "E. Listener" {
                39 listener::listener_receives [Send, Receive]:
                    "a message comes to the receiver, with a queue that can complete it";
                40 listener::listener_gets_backlog_once [Send, Receive]:
                    "what was sent before the listening began and meanwhile comes once each, in order";
                44 listener::failing_receiver_keeps_listening [Send, Receive]:
                    "an error on one message keeps no other from coming; where the queue can abandon, it comes again";
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    (
        $fixture:path;
        $($section:literal {
            $($number:literal $module:ident::$case:ident [$($needs:tt)*] $($faults:ident)?: $about:literal;)+
        })+
    ) => {
        $($($crate::__conformance_test! { $fixture, $case $(, $faults)? })+)+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests_with_faults {
    (
        $fixture:path;
        $($section:literal {
            $($number:literal $module:ident::$case:ident [$($needs:tt)*] $($faults:ident)?: $about:literal;)+
        })+
    ) => {
        $($($crate::__conformance_test! { $fixture, $case })+)+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    ($fixture:path, $case:ident, faults) => {
        $crate::__conformance_test! { @ $fixture, $case, #[ignore = "needs a fixture with a FaultInjector"] }
    };
    ($fixture:path, $case:ident) => {
        $crate::__conformance_test! { @ $fixture, $case, }
    };
    (@ $fixture:path, $case:ident, $(#[$ignore:meta])?) => {
        #[test]
        $(#[$ignore])?
        fn $case() {
            match $crate::conformance::run_case(stringify!($case), &$fixture()) {
                Ok(outcome) => outcome.report(stringify!($case)),
                Err(failure) => panic!("{failure}"),
            }
        }
    };
}
