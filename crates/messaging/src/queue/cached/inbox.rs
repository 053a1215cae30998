use std::sync::Arc;

use pip_services_commons::errors::ApplicationError;

use super::cache::{MessageCache, Pushed};
use crate::{MessageEnvelope, MessageQueue};

/// Where a broker's client puts what arrives for a [`CachedMessageQueue`](crate::CachedMessageQueue), from an
/// `open` to the next `close`.
///
/// It holds neither the queue nor a connection, so that the client can keep it. Nothing here waits, and of
/// others' code only loggers and counters run, whose panics are caught: the thread or task that serves the
/// connection can call it.
#[derive(Clone)]
pub struct MessageInbox {
    pub(super) base: Arc<MessageQueue>,
    pub(super) cache: Arc<MessageCache>,
}

impl MessageInbox {
    /// A message arrived. It is counted, and waits for a consumer; the oldest waiting message is dropped where
    /// `options.max_cache_size` leaves no room. After the close it is dropped itself, counted, and logged
    /// once.
    pub fn push(&self, envelope: MessageEnvelope) {
        self.base.received(None, &envelope);
        match self.cache.push(envelope) {
            Pushed::Added => {}
            Pushed::Dropped(dropped) => self.base.dropped(&dropped.envelope, dropped.first_of_burst),
            Pushed::TooLate { first } => return self.base.dropped_late(first),
        }
        self.base.cached(|| self.cache.len());
    }

    /// Something arrived that is no message. It is counted, logged and skipped.
    pub fn malformed(&self, error: &ApplicationError, origin: &str) {
        self.base.malformed(error, origin);
    }
}
