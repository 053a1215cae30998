//! Where what comes goes.

use std::sync::{MutexGuard, PoisonError};

use pip_services_components::log::ILogger;

use super::{
    core::Core,
    held::{Held, MAX_HELD},
};
use crate::client::Delivery;

impl Core {
    pub(super) fn dispatch(&self, delivery: Delivery) {
        // What came before goes first.
        self.hand_over();
        self.deliver(delivery);
    }

    /// Gives what is held to those who have begun to listen to it.
    pub(super) fn hand_over(&self) {
        let taken = match &mut *self.held() {
            Some(held) if held.len() > 0 => held.take(&self.router.take_new_filters()),
            _ => return,
        };
        taken.into_iter().for_each(|delivery| self.deliver(delivery));
    }

    fn deliver(&self, delivery: Delivery) {
        match self.router.dispatch(delivery) {
            (0, None) => {}
            (_, None) => self.tell(|logger| {
                let client_id = &self.options.client_id;
                logger.error(
                    None,
                    None,
                    format_args!("A listener of client '{client_id}' panicked over a message"),
                );
            }),
            // What still comes of a subscription that ends is for nobody.
            (_, Some(unheard)) if self.router.is_ending(&unheard.topic) => self.unheard(&unheard.topic),
            (_, Some(unheard)) => self.hold(unheard),
        }
    }

    /// Keeps a message that nobody listens to where the broker kept the session: its listener may be on its way.
    fn hold(&self, delivery: Delivery) {
        let topic = delivery.topic.clone();
        let Some(dropped) = self.held().as_mut().map(|held| held.push(delivery)) else {
            return self.unheard(&topic);
        };
        self.tell(|logger| {
            logger
                .debug(None, format_args!("Holds a message of topic '{topic}' until somebody listens to it"));
        });
        let Some(dropped) = dropped else { return };
        self.counters.dropped(dropped.count);
        if dropped.first_of_burst {
            self.tell(|logger| {
                let what = format_args!(
                    "No room: drops the oldest of the messages of client '{}' that nobody listens to, and may drop \
                     more; {MAX_HELD} are held, and less if they are large",
                    self.options.client_id
                );
                logger.warn(None, what);
            });
        }
    }

    fn unheard(&self, topic: &str) {
        self.tell(|logger| {
            logger.debug(None, format_args!("Nobody listens to a message of topic '{topic}'"));
        });
    }

    /// Drops what is held, and holds nothing from now on.
    pub(super) fn drop_held(&self) {
        let held = self.held().take();
        let count = held.map_or(0, |held| held.len());
        if count > 0 {
            self.counters.dropped(count);
            self.tell(|logger| {
                let client_id = &self.options.client_id;
                let what =
                    format_args!("Drops {count} messages of client '{client_id}' that nobody listened to");
                logger.warn(None, what);
            });
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
