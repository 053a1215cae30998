use std::{pin::pin, sync::Arc};

use futures_util::{
    FutureExt, StreamExt,
    future::{Fuse, FusedFuture},
    stream::FuturesUnordered,
};
use pip_services_commons::errors::ApplicationError;
use tokio::{runtime::Handle, task::coop::consume_budget};

use super::{
    IMessageReceiver, ListenedQueue, Listening, Readiness,
    handling::handle,
    source::{Source, Unheld},
};

impl Listening {
    /// Gives the queue's messages to the receiver, as [`IMessageQueue::listen`](crate::IMessageQueue::listen)
    /// tells, until it is ended or the queue closed.
    pub(crate) async fn run<Q: ListenedQueue>(
        self,
        queue: &Q,
        correlation_id: Option<&str>,
        receiver: &dyn IMessageReceiver,
    ) -> Result<(), ApplicationError> {
        self.serve(queue, correlation_id, receiver).await
    }

    async fn serve<S: Source>(
        self,
        mut source: S,
        correlation_id: Option<&str>,
        receiver: &dyn IMessageReceiver,
    ) -> Result<(), ApplicationError> {
        let (mut ended, mut finishing) = (pin!(self.ended()), pin!(self.finishing()));
        // One at a time has its place here, and costs no allocation. Of several each is polled only when it can go on.
        let mut only = pin!(Fuse::terminated());
        let mut several = FuturesUnordered::new();
        let mut is_finishing = false;
        let outcome = loop {
            let running = several.len() + usize::from(!only.is_terminated());
            tokio::select! {
                biased;
                () = &mut ended => break Ok(()),
                () = &mut only, if !only.is_terminated() => {}
                Some(()) = several.next() => {}
                // Taking nothing before it returns, it loses no message where it is dropped.
                next = source.next(correlation_id), if running < self.concurrency => match next {
                    Ok(Some((queue, envelope))) => match self.start() {
                        Some(running) => {
                            let handling = handle(queue, correlation_id, envelope, receiver, running);
                            match self.concurrency {
                                1 => only.set(handling.fuse()),
                                _ => several.push(handling),
                            }
                        }
                        None => {
                            queue.put_back(envelope);
                            break Ok(());
                        }
                    },
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                },
                // Messages that were there before it was told to finish may have come after the look for one.
                () = &mut finishing, if !is_finishing => is_finishing = true,
                // Behind the look: there is no message. It waits its turn as the look does, which else finds none either.
                () = consume_budget(), if is_finishing && running < self.concurrency => break Ok(()),
            }
            // Messages that are there and handled at once would keep the thread for as long as there are more.
            consume_budget().await;
        };
        loop {
            tokio::select! {
                () = &mut only, if !only.is_terminated() => {}
                Some(()) = several.next() => {}
                else => break outcome,
            }
        }
    }

    /// Runs it on a task of its own, which does not keep the queue, and logs the error that ends it.
    pub(crate) fn spawn<Q: ListenedQueue>(
        self,
        runtime: &Handle,
        queue: &Arc<Q>,
        readiness: Box<dyn Readiness>,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) {
        let (queue, correlation_id) = (Arc::downgrade(queue), correlation_id.map(str::to_owned));
        runtime.spawn(async move {
            let (source, id) = (Unheld { queue: queue.clone(), readiness }, correlation_id.as_deref());
            let outcome = self.serve(source, id, &*receiver).await;
            if let (Err(error), Some(queue)) = (outcome, queue.upgrade()) {
                let base = queue.base();
                let what = format_args!("Stopped listening at [{}]", base.get_name());
                base.logger().error(id, Some(&error), what);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;
    use crate::{
        MemoryMessageQueue, MessageEnvelope,
        listen::{Listeners, source::Next},
    };

    /// A message comes to it just after a look, and then it is told to finish.
    struct Late<'a> {
        queue: &'a MemoryMessageQueue,
        listeners: &'a Listeners,
        message: Option<MessageEnvelope>,
        looks: usize,
    }

    impl<'a> Source for Late<'a> {
        type Queue = MemoryMessageQueue;
        type Held = &'a MemoryMessageQueue;

        async fn next(&mut self, _: Option<&str>) -> Next<Self::Held> {
            self.looks += 1;
            if self.looks > 1
                && let Some(message) = self.message.take()
            {
                return Ok(Some((self.queue, message)));
            }
            let _ = self.listeners.finish(self.listeners.begun(), Duration::MAX).now_or_never();
            pending().await
        }
    }

    #[tokio::test]
    async fn a_message_that_came_before_it_was_told_to_finish_is_handled() {
        let (queue, listeners) = (MemoryMessageQueue::new("orders"), Listeners::new());
        for concurrency in [1, 2] {
            let handled = Arc::new(AtomicUsize::new(0));
            let counting = handled.clone();
            let receiver = move |_: MessageEnvelope| {
                counting.fetch_add(1, Ordering::Relaxed);
                ready(Ok::<_, ApplicationError>(()))
            };
            let listening = listeners.begin(None, concurrency).unwrap();
            let message = Some(MessageEnvelope::new(None, "order", "late"));
            let source = Late { queue: &queue, listeners: &listeners, message, looks: 0 };
            listening.serve(source, None, &receiver).await.unwrap();
            assert_eq!(handled.load(Ordering::Relaxed), 1);
        }
    }
}
