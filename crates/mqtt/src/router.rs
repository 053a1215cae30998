use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use indexmap::IndexMap;
use tokio::sync::watch;

use crate::{
    client::{ClientError, Delivery},
    options::QoS,
    topic,
};

/// Takes what arrives on the filter it is registered for; ports `IMqttMessageListener`.
///
/// It runs on the task that serves the whole connection, so it must hand the message over and return.
pub(crate) trait MqttMessageListener: Send + Sync {
    fn on_message(&self, delivery: &Delivery);
}

/// What a connection should be subscribed to, and what the broker has granted.
///
/// Listeners only say what they want; the connection's task makes it so, also after a reconnect. It outlives
/// the sessions of the connection, so that a connection that is opened again has its subscriptions again.
pub(crate) struct Router {
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    wanted: IndexMap<String, Vec<Wanted>>,
    granted: HashMap<String, Result<QoS, ClientError>>,
}

struct Wanted {
    qos: QoS,
    listener: Arc<dyn MqttMessageListener>,
}

/// What the task has to ask of the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Subscribe(String, QoS),
    Unsubscribe(String),
}

/// A listener's place in the router, given back when it is dropped.
pub(crate) struct Registration {
    router: Arc<Router>,
    filter: String,
    listener: Arc<dyn MqttMessageListener>,
}

impl Router {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changes: watch::Sender::new(()) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changes.send_replace(());
        result
    }

    /// Adds a listener to a filter.
    pub(crate) fn register(
        self: &Arc<Self>,
        filter: &str,
        qos: QoS,
        listener: Arc<dyn MqttMessageListener>,
    ) -> Registration {
        self.change(|state| {
            let wanted = Wanted { qos, listener: listener.clone() };
            state.wanted.entry(filter.to_owned()).or_default().push(wanted);
        });
        Registration { router: self.clone(), filter: filter.to_owned(), listener }
    }

    /// Tells of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// What the broker says to a filter; `None` while it has not been asked, or asked for less than is wanted.
    pub(crate) fn granted(&self, filter: &str) -> Option<Result<(), ClientError>> {
        let state = self.lock();
        match state.granted.get(filter)? {
            Ok(granted) => (*granted >= state.wanted_qos(filter)?).then_some(Ok(())),
            Err(error) => Some(Err(error.clone())),
        }
    }

    /// What to ask of the broker next, so that it grants what is wanted and nothing else.
    pub(crate) fn next_request(&self) -> Option<Request> {
        let state = self.lock();
        let missing = state.wanted.keys().find_map(|filter| {
            let qos = state.wanted_qos(filter)?;
            let asked = match state.granted.get(filter) {
                Some(Ok(granted)) => *granted >= qos,
                // It was refused; asking again takes its time.
                Some(Err(_)) => true,
                None => false,
            };
            (!asked).then(|| Request::Subscribe(filter.clone(), qos))
        });
        let left_over = || state.granted.keys().find(|filter| !state.wanted.contains_key(*filter));
        missing.or_else(|| left_over().cloned().map(Request::Unsubscribe))
    }

    /// Notes what the broker said to a filter, at that quality of service.
    pub(crate) fn set_granted(&self, filter: &str, granted: Result<QoS, ClientError>) {
        self.change(|state| state.granted.insert(filter.to_owned(), granted));
    }

    /// Notes that the broker is told to forget a filter.
    pub(crate) fn set_released(&self, filter: &str) {
        self.change(|state| state.granted.remove(filter));
    }

    /// A filter that the broker refused, and why.
    pub(crate) fn first_refusal(&self) -> Option<(String, ClientError)> {
        let refused = |(filter, granted): (&String, &Result<QoS, ClientError>)| {
            granted.as_ref().err().map(|error| (filter.clone(), error.clone()))
        };
        self.lock().granted.iter().find_map(refused)
    }

    /// Whether the broker refused any filter.
    pub(crate) fn has_refusals(&self) -> bool {
        self.lock().granted.values().any(Result::is_err)
    }

    /// Forgets what the broker refused, so that it is asked again.
    pub(crate) fn forget_refusals(&self) {
        self.change(|state| state.granted.retain(|_, granted| granted.is_ok()));
    }

    /// Forgets what the broker granted: it has a new session.
    pub(crate) fn forget_grants(&self) {
        self.change(|state| state.granted.clear());
    }

    /// Gives a message to each listener that has a matching filter, once, however many of its filters match.
    ///
    /// The listeners' counters and loggers are other people's code: a panic there stops neither the connection
    /// nor the other listeners. It gives how many listeners took the message and how many panicked.
    pub(crate) fn dispatch(&self, delivery: &Delivery) -> (usize, usize) {
        let mut listeners: Vec<Arc<dyn MqttMessageListener>> = Vec::new();
        for (filter, wanted) in &self.lock().wanted {
            if topic::matches(filter, &delivery.topic) {
                for Wanted { listener, .. } in wanted {
                    if !listeners.iter().any(|other| Arc::ptr_eq(other, listener)) {
                        listeners.push(listener.clone());
                    }
                }
            }
        }
        let take = |listener: &&Arc<dyn MqttMessageListener>| {
            catch_unwind(AssertUnwindSafe(|| listener.on_message(delivery))).is_err()
        };
        let panicked = listeners.iter().filter(take).count();
        (listeners.len() - panicked, panicked)
    }
}

impl State {
    fn wanted_qos(&self, filter: &str) -> Option<QoS> {
        self.wanted.get(filter)?.iter().map(|wanted| wanted.qos).max()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.router.change(|state| {
            let Some(wanted) = state.wanted.get_mut(&self.filter) else { return };
            if let Some(index) = wanted.iter().position(|other| Arc::ptr_eq(&other.listener, &self.listener))
            {
                wanted.remove(index);
            }
            if wanted.is_empty() {
                state.wanted.shift_remove(&self.filter);
                // A refusal was about a subscription that nobody wants any more.
                if let Some(Err(_)) = state.granted.get(&self.filter) {
                    state.granted.remove(&self.filter);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::client::MessageProperties;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl MqttMessageListener for Recorder {
        fn on_message(&self, delivery: &Delivery) {
            self.0.lock().unwrap().push(delivery.topic.clone());
        }
    }

    struct Panicking;

    impl MqttMessageListener for Panicking {
        fn on_message(&self, _: &Delivery) {
            panic!("a logger failed");
        }
    }

    fn arrive(router: &Router, topic: &str) -> (usize, usize) {
        router.dispatch(&Delivery {
            topic: topic.into(),
            payload: Bytes::new(),
            properties: MessageProperties::default(),
            ack: None,
        })
    }

    fn subscribe(filter: &str, qos: QoS) -> Option<Request> {
        Some(Request::Subscribe(filter.into(), qos))
    }

    #[test]
    fn a_listener_with_overlapping_filters_gets_a_message_once() {
        let (router, one, other) =
            (Router::new(), Arc::new(Recorder::default()), Arc::new(Recorder::default()));
        let _a = router.register("a/+", QoS::AtMostOnce, one.clone());
        let _b = router.register("a/b", QoS::AtMostOnce, one.clone());
        let _c = router.register("a/c", QoS::AtMostOnce, other.clone());
        assert_eq!(arrive(&router, "a/b"), (1, 0));
        assert_eq!(arrive(&router, "nowhere"), (0, 0));
        assert_eq!(*one.0.lock().unwrap(), ["a/b"]);
        assert!(other.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_panicking_listener_keeps_the_message_from_nobody_else() {
        let (router, other) = (Router::new(), Arc::new(Recorder::default()));
        let _a = router.register("a", QoS::AtMostOnce, Arc::new(Panicking));
        let _b = router.register("a", QoS::AtMostOnce, other.clone());
        assert_eq!(arrive(&router, "a"), (1, 1));
        assert_eq!(*other.0.lock().unwrap(), ["a"]);
    }

    #[test]
    fn the_broker_is_asked_for_the_first_listener_a_higher_quality_and_the_last_to_go() {
        let router = Router::new();
        let one = router.register("a", QoS::AtLeastOnce, Arc::new(Recorder::default()));
        assert_eq!(router.next_request(), subscribe("a", QoS::AtLeastOnce));
        assert!(router.granted("a").is_none());
        router.set_granted("a", Ok(QoS::AtLeastOnce));
        assert!(matches!(router.granted("a"), Some(Ok(()))));
        let other = router.register("a", QoS::AtMostOnce, Arc::new(Recorder::default()));
        assert_eq!(router.next_request(), None);
        let higher = router.register("a", QoS::ExactlyOnce, Arc::new(Recorder::default()));
        assert!(router.granted("a").is_none());
        assert_eq!(router.next_request(), subscribe("a", QoS::ExactlyOnce));
        // It goes before it was granted: what there is suffices again.
        drop(higher);
        assert_eq!(router.next_request(), None);
        drop(one);
        assert_eq!(router.next_request(), None);
        drop(other);
        assert_eq!(router.next_request(), Some(Request::Unsubscribe("a".into())));
        router.set_released("a");
        assert_eq!(router.next_request(), None);
    }

    #[test]
    fn a_refusal_is_told_and_asked_again_only_of_a_new_session_or_for_a_new_listener() {
        let router = Router::new();
        let one = router.register("a", QoS::AtMostOnce, Arc::new(Recorder::default()));
        router.set_granted("a", Err(ClientError::Failed("no".into())));
        assert!(matches!(router.granted("a"), Some(Err(_))));
        assert_eq!(router.next_request(), None);
        router.forget_grants();
        assert_eq!(router.next_request(), subscribe("a", QoS::AtMostOnce));
        router.set_granted("a", Err(ClientError::Failed("no".into())));
        drop(one);
        let _again = router.register("a", QoS::AtMostOnce, Arc::new(Recorder::default()));
        assert_eq!(router.next_request(), subscribe("a", QoS::AtMostOnce));
    }
}
