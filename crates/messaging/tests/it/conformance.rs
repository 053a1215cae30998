use std::sync::{Arc, LazyLock};

use pip_services_commons::{config::IConfigurable, refer::IReferenceable};
use pip_services_messaging::{
    MemoryMessageQueue,
    conformance::{Fixture, Profile, Sharing},
    queue_conformance,
};

use crate::topic_queue::{Broker, TopicQueue};

fn fixture() -> Fixture {
    Fixture::new(|cx| async move {
        let queue = MemoryMessageQueue::new(cx.queue_name());
        queue.configure(&cx.config([("options.lock_timeout", 30_000)]))?;
        queue.set_references(&cx.references())?;
        Ok(queue)
    })
    .cleanable::<MemoryMessageQueue>()
    .dead_letters(|queue: Arc<MemoryMessageQueue>| async move { Ok(queue.dead_letters()) })
}

queue_conformance! { mod memory_queue; fixture = fixture; }

/// The cases use topics of their own.
static BROKER: LazyLock<Broker> = LazyLock::new(Broker::default);

fn cached() -> Fixture {
    Fixture::new(|cx| async move {
        let queue = TopicQueue::new(cx.queue_name(), &BROKER);
        // What is sent before a consumer has subscribed reaches nobody.
        queue.configure(&cx.config([("options.autosubscribe", true)]))?;
        queue.set_references(&cx.references())?;
        Ok(queue)
    })
    .cleanable::<TopicQueue>()
    .profile(Profile {
        sharing: Sharing::FanOut,
        durable: false,
        max_backlog: Some(10_000),
        ..Profile::strict()
    })
}

queue_conformance! { mod cached_queue; fixture = cached; }
