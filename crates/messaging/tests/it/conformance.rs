use std::sync::Arc;

use pip_services_commons::{config::IConfigurable, refer::IReferenceable};
use pip_services_messaging::{MemoryMessageQueue, conformance::Fixture, queue_conformance};

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
