use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use crate::{client::Delivery, options::QoS, topic};

/// Takes what arrives on the filters it is subscribed to; ports `IMqttMessageListener`.
///
/// It runs on the task that serves the whole connection, so it must hand the message over and return.
pub(crate) trait MqttMessageListener: Send + Sync {
    fn on_message(&self, delivery: &Delivery);
}

/// Who listens to which filters of one connection.
#[derive(Default)]
pub(crate) struct Router {
    subscriptions: Mutex<IndexMap<String, Subscription>>,
}

struct Subscription {
    qos: QoS,
    listeners: Vec<Arc<dyn MqttMessageListener>>,
}

impl Router {
    fn lock(&self) -> MutexGuard<'_, IndexMap<String, Subscription>> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a listener. True: the broker has to be asked, as the filter is new or the quality of service higher.
    pub(crate) fn add(&self, filter: &str, qos: QoS, listener: Arc<dyn MqttMessageListener>) -> bool {
        let mut subscriptions = self.lock();
        match subscriptions.get_mut(filter) {
            None => {
                subscriptions.insert(filter.to_owned(), Subscription { qos, listeners: vec![listener] });
                true
            }
            Some(subscription) => {
                subscription.listeners.push(listener);
                let higher = qos > subscription.qos;
                subscription.qos = subscription.qos.max(qos);
                higher
            }
        }
    }

    /// Removes a listener, if it is there.
    pub(crate) fn remove(&self, filter: &str, listener: &Arc<dyn MqttMessageListener>) {
        let mut subscriptions = self.lock();
        let Some(subscription) = subscriptions.get_mut(filter) else { return };
        let Some(index) = subscription.listeners.iter().position(|other| Arc::ptr_eq(other, listener)) else {
            return;
        };
        subscription.listeners.remove(index);
        if subscription.listeners.is_empty() {
            subscriptions.shift_remove(filter);
        }
    }

    /// Whether anybody listens to the filter.
    pub(crate) fn has(&self, filter: &str) -> bool {
        self.lock().contains_key(filter)
    }

    /// All filters with their quality of service, in the order of subscription.
    pub(crate) fn filters(&self) -> Vec<(String, QoS)> {
        self.lock().iter().map(|(filter, subscription)| (filter.clone(), subscription.qos)).collect()
    }

    /// Gives a message to each listener that has a matching filter, once, however many of its filters match.
    pub(crate) fn dispatch(&self, delivery: &Delivery) {
        let mut listeners: Vec<Arc<dyn MqttMessageListener>> = Vec::new();
        for (filter, subscription) in self.lock().iter() {
            if topic::matches(filter, &delivery.topic) {
                for listener in &subscription.listeners {
                    if !listeners.iter().any(|other| Arc::ptr_eq(other, listener)) {
                        listeners.push(listener.clone());
                    }
                }
            }
        }
        listeners.iter().for_each(|listener| listener.on_message(delivery));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl MqttMessageListener for Recorder {
        fn on_message(&self, delivery: &Delivery) {
            self.0.lock().unwrap().push(delivery.topic.clone());
        }
    }

    fn arrive(router: &Router, topic: &str) {
        router.dispatch(&Delivery { topic: topic.into(), payload: Bytes::new(), ack: None });
    }

    #[test]
    fn a_listener_with_overlapping_filters_gets_a_message_once() {
        let (router, one, other) =
            (Router::default(), Arc::new(Recorder::default()), Arc::new(Recorder::default()));
        router.add("a/+", QoS::AtMostOnce, one.clone());
        router.add("a/b", QoS::AtMostOnce, one.clone());
        router.add("a/c", QoS::AtMostOnce, other.clone());
        arrive(&router, "a/b");
        assert_eq!(*one.0.lock().unwrap(), ["a/b"]);
        assert!(other.0.lock().unwrap().is_empty());
    }

    #[test]
    fn the_broker_is_asked_for_the_first_listener_and_for_a_higher_quality() {
        let router = Router::default();
        let (one, other): (Arc<dyn MqttMessageListener>, Arc<dyn MqttMessageListener>) =
            (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
        assert!(router.add("a", QoS::AtLeastOnce, one.clone()));
        assert!(!router.add("a", QoS::AtMostOnce, other.clone()));
        assert_eq!(router.filters(), [("a".to_owned(), QoS::AtLeastOnce)]);
        router.remove("a", &one);
        assert!(router.has("a"));
        assert!(router.add("a", QoS::ExactlyOnce, one.clone()));
        router.remove("a", &one);
        router.remove("a", &one);
        assert!(router.has("a"), "the other one still listens");
        router.remove("a", &other);
        assert!(!router.has("a") && router.filters().is_empty());
    }
}
