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
/// [`FaultInjector`](crate::conformance::FaultInjector), which `faults;` tells. `without stress;` leaves out the cases
/// that send thousands of messages, for further variants of a queue that has them already:
///
/// ```
/// # use pip_services_messaging::{MemoryMessageQueue, conformance::{FaultInjector, Fixture}, queue_conformance};
/// # struct Broker;
/// # impl FaultInjector for Broker {}
/// # fn fixture() -> Fixture {
/// #     Fixture::new(|cx| async move { Ok(MemoryMessageQueue::new(cx.queue_name())) }).faults(Broker)
/// # }
/// # fn variant() -> Fixture { fixture() }
/// queue_conformance! { mod my_queue; fixture = fixture; faults; }
/// queue_conformance! { mod my_queue_in_another_way; fixture = variant; faults; without stress; }
/// ```
#[macro_export]
macro_rules! queue_conformance {
    (mod $name:ident; fixture = $fixture:path;) => {
        $crate::queue_conformance! { @ $name [ignored stress] $fixture }
    };
    (mod $name:ident; fixture = $fixture:path; faults;) => {
        $crate::queue_conformance! { @ $name [faults stress] $fixture }
    };
    (mod $name:ident; fixture = $fixture:path; without stress;) => {
        $crate::queue_conformance! { @ $name [ignored] $fixture }
    };
    (mod $name:ident; fixture = $fixture:path; faults; without stress;) => {
        $crate::queue_conformance! { @ $name [faults] $fixture }
    };
    (@ $name:ident $which:tt $fixture:path) => {
        mod $name {
            // The path of the fixture is one of the parent's.
            #[allow(unused_imports)]
            use super::*;

            $crate::__conformance_cases! { $crate::__conformance_tests, $which $fixture }
        }
    };
}

/// All cases, given to the macro `then` after its arguments: each with its module, the capabilities that it cannot do
/// without (one of those between bars), whether it is one of stress or needs faults, and what must hold.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($then:path $(, $($argument:tt)+)?) => {
        $then! {
            $($($argument)+;)?
            "A. Lifecycle" {
                1 lifecycle::capabilities_are_stable []:
                    "the flags are the same before open, while open, after close, and in another instance";
                2 lifecycle::absent_capability_is_refused []:
                    "an operation whose flag is false fails with `NOT_SUPPORTED` and does no harm";
                3 lifecycle::open_and_close_are_idempotent []:
                    "opening twice, closing twice and closing unopened are Ok, and one send arrives once";
                4 ending::reopen_starts_clean [Send, Receive]:
                    "opened and closed five times the queue works each time, without old copies unless it is durable";
                5 lifecycle::closed_queue_refuses_work []:
                    "before open and after close every operation fails with `NOT_OPENED` at once";
                6 opening::open_failure_is_reported [] faults:
                    "an open that fails is an error in time and leaves a closed queue; so is a refused subscription";
                7 ending::close_wakes_pending_receive [Receive]:
                    "a receive that waits ends within a second of close, with `None` or `NOT_OPENED`";
                8 ending::close_stops_listener [Send, Receive]:
                    "after close no handling starts, and one that runs is finished";
                9 ending::drop_without_close_is_clean []:
                    "a queue that is dropped while it listens lets go of its receiver, and a new instance works";
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
                14 payloads::empty_payload [Send, Receive]:
                    "an empty payload arrives as an empty one, and none as none";
                15 payloads::binary_payload [Send, Receive]:
                    "all bytes arrive: NUL, those that are no UTF-8, and the rest";
                16 payloads::unicode_everywhere [Send, Receive]:
                    "text of any script arrives in payload, ids and type, and can be shown wherever it is cut";
                17 payloads::large_payload [Send, Receive]:
                    "the largest payload, up to a mebibyte, arrives; one more byte than the limit is an error";
                18 payloads::send_as_object [Send, Receive]:
                    "values arrive as the JSON that they were, and text as it is";
                19 delivery::order_is_kept [Send, Receive]:
                    "a thousand messages of one sender arrive in order, where the queue keeps it";
                20 timing::empty_receive_times_out_on_time [Receive]:
                    "a receive of 300 ms from an empty queue gives `None`, not sooner and not much later";
                21 timing::zero_timeout_receive [Send, Receive]:
                    "a receive without a wait gives what is there, and `None` at once when nothing is";
                22 delivery::dropped_receive_loses_nothing [Send, Receive]:
                    "200 receives dropped at any moment while 200 messages are sent lose none";
                23 copies::repeated_reads_do_not_multiply [Send, Receive]:
                    "after 20 reads of the empty queue one send arrives in one copy";
                24 copies::queues_are_isolated [Send, Receive]:
                    "queues of similar names, or whose topics are each other's names, get their own messages only";
                25 malformed::malformed_input_is_skipped [Send, Receive] faults:
                    "what is no message is skipped, counted and logged, and the next message arrives";
            }
            "C. Peek, count, clear" {
                26 peek::peek_leaves_message [Send, Receive, Peek]:
                    "peek gives the head, again and again, without a lock, and `None` from an empty queue";
                27 peek::peek_batch_is_bounded [Send, Receive, PeekBatch]:
                    "a batch has as many of the oldest messages as were asked for and are there, and takes none";
                28 counting::message_count_tracks [Send, Receive, MessageCount]:
                    "the count is that of the messages that wait: a received one does not count, an abandoned one does";
                29 clearing::clear_empties_all [Send, Receive, Clear]:
                    "clear leaves nothing, settling what was cleared revives nothing, and later sends arrive";
                30 clearing::clear_does_not_touch_listener [Send, Receive, Clear]:
                    "clear neither stops a listener nor brings back one that was ended";
            }
            "D. Locks" {
                31 locks::received_message_is_invisible [Send, Receive, Abandon | RenewLock]:
                    "a received message is hidden from everybody until its lock expires";
                32 settling::complete_is_final [Send, Receive]:
                    "a completed message has no lock any more and does not come back";
                33 settling::abandon_redelivers [Send, Receive, Abandon]:
                    "an abandoned message comes again as it was, any number of times, in one copy";
                34 settling::settle_twice_is_harmless [Send, Receive, Abandon]:
                    "settling what was settled neither doubles a message nor brings it back nor takes it";
                35 locks::lock_expiry_redelivers [Send, Receive, RenewLock]:
                    "a message comes back once when its lock has expired, and its former holder cannot settle it";
                36 locks::renew_lock_extends [Send, Receive, RenewLock]:
                    "a renewed lock lasts for the given time, and one that is lost cannot be renewed";
                37 settling::dead_letter_is_final [Send, Receive, DeadLetter]:
                    "a dead letter does not come back and is among the dead letters";
                38 settling::foreign_envelope_is_ignored [Send, Receive]:
                    "settling what was never received, or received from another queue, has no effect";
            }
            "E. Listener" {
                39 listener::listener_receives [Send, Receive]:
                    "a message comes to the receiver, with a queue that can complete it";
                40 listener::listener_gets_backlog_once [Send, Receive]:
                    "what was sent before the listening began and meanwhile comes once each, in order";
                41 listener_end::end_listen_stops [Send, Receive]:
                    "after `end_listen` nothing is handled, what is sent can be received, and a dropped `listen` loses nothing";
                42 listener_end::end_listen_wins_race [Send, Receive]:
                    "an `end_listen` right after `begin_listen` ends it, a hundred times";
                43 listener_end::relisten_after_end [Send, Receive]:
                    "after a listener was ended, only the next one gets messages";
                44 listener::failing_receiver_keeps_listening [Send, Receive]:
                    "an error on one message keeps no other from coming; where the queue can abandon, it comes again";
                45 listener::panicking_receiver_keeps_listening [Send, Receive]:
                    "a panic on one message is as an error";
                46 listener_use::receiver_may_use_queue [Send, Receive]:
                    "the receiver can send, peek, complete, end the listening and close, within 5 seconds";
                47 listener_use::slow_receiver_blocks_nobody_else [Send, Receive]:
                    "while a receiver is busy, other queues deliver and its own sends";
                48 listener_use::second_listener_is_defined [Send, Receive]:
                    "a second listener is refused or takes the place of the first; no message is handled by both";
            }
            "F. Concurrency and stress" {
                49 senders::concurrent_senders_lose_nothing [Send, Receive] stress:
                    "16 tasks that send 250 messages each lose none";
                50 consumers::competing_receivers_share [Send, Receive] stress:
                    "four tasks that receive from one queue get each message once between them";
                51 consumers::two_instances_share_or_fan_out [Send, Receive] stress:
                    "two instances get each message once between them, or all messages each, as the profile tells";
                52 senders::burst_of_sends_is_all_or_error [Send, Receive] stress:
                    "of 5000 sends at once each is Ok and its message arrives, or a typed error of back-pressure";
                53 backlog::slow_consumer_backlog [Send, Receive] stress:
                    "10 000 unread messages are kept, or as many as the limit says; beyond it nothing is lost in silence";
                54 backlog::close_flushes_acked_sends [Send, Receive] stress:
                    "100 messages whose sends were Ok survive the close right after, and no send hangs";
                55 walk::model_walk [Send, Receive] stress:
                    "random operations give what they give in a model of the queue";
            }
            "G. Faults" {
                56 restarts::restart_resumes_delivery [Send, Receive] faults:
                    "after a restart, and lost connections, a receive and a listener get messages again, one copy each";
                57 restarts::restart_under_load_loses_nothing [Send, Receive] faults:
                    "restarts under load lose nothing where the queue is durable, and invent nothing elsewhere";
                58 network::network_cut_never_lies [Send, Receive] faults:
                    "while the network is cut a send waits or fails; none is Ok whose message is lost";
                59 network::stalled_broker_honours_timeouts [Send, Receive] faults:
                    "while the broker does not answer, receive, send and close end in time";
                60 offline::offline_messages_wait [Send, Receive] faults:
                    "what is sent while the queue is closed arrives on reopening, where it is durable, and never elsewhere";
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    (
        $which:tt $fixture:path;
        $($section:literal {
            $($number:literal $module:ident::$case:ident [$($needs:tt)*] $($kind:ident)?: $about:literal;)+
        })+
    ) => {
        $($($crate::__conformance_test! { $which [$($kind)?] $fixture, $case })+)+
    };
}

/// One case as a test, where it is among those wanted.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    ([$faults:ident] [stress] $fixture:path, $case:ident) => {};
    ([ignored $($stress:ident)?] [faults] $fixture:path, $case:ident) => {
        #[test]
        #[ignore = "needs a fixture with a FaultInjector"]
        fn $case() {
            $crate::conformance::__test(stringify!($case), &$fixture());
        }
    };
    ($which:tt $kind:tt $fixture:path, $case:ident) => {
        #[test]
        fn $case() {
            $crate::conformance::__test(stringify!($case), &$fixture());
        }
    };
}
