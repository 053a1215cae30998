use std::sync::Arc;

use pip_services_components::log::ILogger;

use super::core::Core;
use crate::client::{Event, Events};

/// The events that nobody has looked at yet. The messages among them are lost when it is dropped, which is told.
pub(super) struct Unread {
    events: Events,
    core: Arc<Core>,
}

impl Unread {
    pub(super) fn new(events: Events, core: Arc<Core>) -> Self {
        Self { events, core }
    }

    pub(super) async fn recv(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.events.close();
        let mut left = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            left.push(event);
        }
        let count = left.iter().filter(|event| matches!(event, Event::Message(..))).count();
        if count > 0 {
            self.core.counters.dropped(count);
            self.core.tell(|logger| {
                let client_id = &self.core.options.client_id;
                let what = format_args!(
                    "Drops {count} messages that came for client '{client_id}' during its close"
                );
                logger.warn(None, what);
            });
        }
        // Whoever waits until none are left finds them told of.
        drop(left);
    }
}
