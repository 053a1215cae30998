//! All that is to be written to see whether a queue is one.

use channel_queue::ChannelMessageQueue;
use pip_services_commons::{config::IConfigurable, refer::IReferenceable};
use pip_services_messaging::{
    conformance::{Fixture, Profile},
    queue_conformance,
};

const CAPACITY: usize = 10_000;

fn fixture() -> Fixture {
    Fixture::new(|cx| async move {
        let queue = ChannelMessageQueue::new(cx.queue_name(), CAPACITY);
        queue.configure(cx.parameters())?;
        queue.set_references(&cx.references())?;
        Ok(queue)
    })
    .profile(Profile { max_backlog: Some(CAPACITY), ..Profile::strict() })
}

queue_conformance! { mod channel_queue_conformance; fixture = fixture; }

/// What a channel cannot do is refused, and that is what the suite sees.
#[test]
fn what_it_cannot_do_is_asserted_as_refused() {
    use pip_services_messaging::conformance::{Outcome, run_case};

    for (case, operation) in [
        ("peek_leaves_message", "peek"),
        ("peek_batch_is_bounded", "peek_batch"),
        ("abandon_redelivers", "abandon"),
        ("renew_lock_extends", "renew_lock"),
        ("dead_letter_is_final", "move_to_dead_letter"),
        ("clear_empties_all", "clear"),
    ] {
        let outcome = run_case(case, &fixture());
        assert!(
            matches!(&outcome, Ok(Outcome::Refused { operations }) if operations == &[operation]),
            "{case}: {outcome:?}"
        );
    }
}
