use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use indexmap::{IndexMap, IndexSet};
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
    fn on_message(&self, delivery: Delivery);
}

type Listener = Arc<dyn MqttMessageListener>;

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
    /// Those of the wanted filters that are not found by a topic that is written like them.
    patterns: IndexSet<String>,
    asked: HashMap<String, Standing>,
}

/// How a filter stands at the broker. One that is not there is not subscribed to.
enum Standing {
    /// The broker is to subscribe to it, and has not answered.
    Subscribing,
    Granted(QoS),
    Refused(ClientError),
    /// The broker is to forget it, and may still send what matches it.
    Releasing,
}

struct Wanted {
    qos: QoS,
    listener: Listener,
    /// Nobody has asked for it by [`Router::take_new_filters`].
    new: bool,
    /// It takes what still comes, and wants no more.
    leaving: bool,
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
    listener: Listener,
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
    pub(crate) fn register(self: &Arc<Self>, filter: &str, qos: QoS, listener: Listener) -> Registration {
        self.change(|state| {
            let wanted = Wanted { qos, listener: listener.clone(), new: true, leaving: false };
            if topic::is_pattern(filter) {
                state.patterns.insert(filter.to_owned());
            }
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
        match state.asked.get(filter)? {
            Standing::Granted(granted) => (*granted >= state.wanted_qos(filter)?).then_some(Ok(())),
            Standing::Refused(error) => Some(Err(error.clone())),
            Standing::Subscribing | Standing::Releasing => None,
        }
    }

    /// Whether nothing more comes of a filter, or somebody else wants what comes.
    pub(crate) fn released(&self, filter: &str) -> bool {
        let state = self.lock();
        state.wanted_qos(filter).is_some() || !state.asked.contains_key(filter)
    }

    /// What to ask of the broker next, so that it grants what is wanted and nothing else.
    pub(crate) fn next_request(&self) -> Option<Request> {
        let state = self.lock();
        let missing = state.wanted.keys().find_map(|filter| {
            let qos = state.wanted_qos(filter)?;
            let settled = match state.asked.get(filter) {
                Some(Standing::Granted(granted)) => *granted >= qos,
                // Asking again takes its time.
                Some(Standing::Refused(_)) => true,
                // A request without an answer went with its connection.
                Some(Standing::Subscribing | Standing::Releasing) | None => false,
            };
            (!settled).then(|| Request::Subscribe(filter.clone(), qos))
        });
        let left_over = |(filter, standing): (&String, &Standing)| {
            let asked = matches!(standing, Standing::Releasing) || state.wanted_qos(filter).is_some();
            (!asked).then(|| Request::Unsubscribe(filter.clone()))
        };
        missing.or_else(|| state.asked.iter().find_map(left_over))
    }

    /// Notes that the broker is asked to subscribe to a filter.
    pub(crate) fn set_subscribing(&self, filter: &str) {
        self.change(|state| {
            if !matches!(state.asked.get(filter), Some(Standing::Granted(_))) {
                state.asked.insert(filter.to_owned(), Standing::Subscribing);
            }
        });
    }

    /// Notes what the broker said to a filter, at that quality of service.
    pub(crate) fn set_granted(&self, filter: &str, granted: Result<QoS, ClientError>) {
        let standing = granted.map_or_else(Standing::Refused, Standing::Granted);
        self.change(|state| state.asked.insert(filter.to_owned(), standing));
    }

    /// Notes that the broker is told to forget a filter.
    pub(crate) fn set_releasing(&self, filter: &str) {
        self.change(|state| state.asked.insert(filter.to_owned(), Standing::Releasing));
    }

    /// Notes that the broker has forgotten a filter, unless it was asked for it again.
    pub(crate) fn set_released(&self, filter: &str) {
        self.change(|state| {
            if let Some(Standing::Releasing) = state.asked.get(filter) {
                state.asked.remove(filter);
            }
        });
    }

    /// A filter that the broker refused, and why.
    pub(crate) fn first_refusal(&self) -> Option<(String, ClientError)> {
        let refused = |(filter, standing): (&String, &Standing)| match standing {
            Standing::Refused(error) => Some((filter.clone(), error.clone())),
            _ => None,
        };
        self.lock().asked.iter().find_map(refused)
    }

    /// Whether the broker refused any filter.
    pub(crate) fn has_refusals(&self) -> bool {
        self.lock().asked.values().any(Standing::is_refused)
    }

    /// Forgets what the broker refused, so that it is asked again.
    pub(crate) fn forget_refusals(&self) {
        self.change(|state| state.asked.retain(|_, standing| !standing.is_refused()));
    }

    /// Forgets what the broker granted: it has a new session.
    pub(crate) fn forget_grants(&self) {
        self.change(|state| state.asked.clear());
    }

    /// Has the broker, which kept the session, told again to forget what it did not confirm.
    pub(crate) fn release_again(&self) {
        self.change(|state| {
            for standing in state.asked.values_mut() {
                if let Standing::Releasing = standing {
                    *standing = Standing::Subscribing;
                }
            }
        });
    }

    /// The filters that got a listener since this was asked last.
    pub(crate) fn take_new_filters(&self) -> Vec<String> {
        let mut filters = Vec::new();
        for (filter, wanted) in &mut self.lock().wanted {
            if wanted.iter().any(|wanted| wanted.new) {
                filters.push(filter.clone());
            }
            wanted.iter_mut().for_each(|wanted| wanted.new = false);
        }
        filters
    }

    /// Whether a topic is of a filter that had listeners, and the broker has not forgotten yet.
    pub(crate) fn is_ending(&self, topic: &str) -> bool {
        let state = self.lock();
        let ending = |filter: &String| !state.wanted.contains_key(filter) && topic::matches(filter, topic);
        state.asked.keys().any(ending)
    }

    /// Gives a message to each listener that has a matching filter, once, however many of its filters match.
    ///
    /// Of the listeners of a shared filter one gets it, each in its turn: the broker sends one copy to the connection
    /// for all of them. A message does not tell for which filter it came. So where a shared filter and others match,
    /// each of them is served for each copy: some come twice, and none is lost.
    ///
    /// A listener that panics stops neither the connection nor the other listeners. It gives how many did, and the message
    /// where nobody listens to it.
    pub(crate) fn dispatch(&self, delivery: Delivery) -> (usize, Option<Delivery>) {
        let (others, last) = self.lock().next_listeners(&delivery.topic);
        let Some(last) = last else { return (0, Some(delivery)) };
        let panics = |listener: &Listener, delivery| {
            catch_unwind(AssertUnwindSafe(|| listener.on_message(delivery))).is_err()
        };
        let panicked = others.iter().filter(|other| panics(other, delivery.clone())).count();
        (panicked + usize::from(panics(&last, delivery)), None)
    }
}

impl Standing {
    fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

impl State {
    /// Whose turn it is to get a message of that topic: the last of them, mostly the only one, apart.
    fn next_listeners(&mut self, topic: &str) -> (Vec<Listener>, Option<Listener>) {
        let (mut others, mut last) = (Vec::new(), None);
        let patterns =
            self.patterns.iter().map(String::as_str).filter(|filter| topic::matches(filter, topic));
        // What is written like a pattern is no topic, whatever a broker sends.
        let exact = (!topic::is_pattern(topic)).then_some(topic);
        for filter in exact.into_iter().chain(patterns) {
            let Some(wanted) = self.wanted.get_mut(filter) else { continue };
            let is_shared = topic::is_shared(filter);
            if is_shared && let Some(staying) = wanted.iter().position(|wanted| !wanted.leaving) {
                // Who leaves is passed over.
                wanted.rotate_left(staying);
            }
            let count = if is_shared { 1 } else { wanted.len() };
            for Wanted { listener, .. } in &wanted[..count] {
                if !others.iter().chain(&last).any(|other| Arc::ptr_eq(other, listener)) {
                    others.extend(last.replace(listener.clone()));
                }
            }
            // Who had its turn comes last.
            wanted.rotate_left(count);
        }
        (others, last)
    }

    fn wanted_qos(&self, filter: &str) -> Option<QoS> {
        self.wanted.get(filter)?.iter().filter(|wanted| !wanted.leaving).map(|wanted| wanted.qos).max()
    }
}

impl Registration {
    /// Has the broker told that nothing more is wanted, unless another listener wants it, and takes what still comes.
    pub(crate) fn leave(&self) {
        self.router.change(|state| {
            let wanted = state.wanted.get_mut(&self.filter).into_iter().flatten();
            for wanted in wanted.filter(|wanted| Arc::ptr_eq(&wanted.listener, &self.listener)) {
                wanted.leaving = true;
            }
        });
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
                state.patterns.shift_remove(&self.filter);
                // A refusal was about a subscription that nobody wants any more.
                if state.asked.get(&self.filter).is_some_and(Standing::is_refused) {
                    state.asked.remove(&self.filter);
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
        fn on_message(&self, delivery: Delivery) {
            self.0.lock().unwrap().push(delivery.topic);
        }
    }

    struct Panicking;

    impl MqttMessageListener for Panicking {
        fn on_message(&self, _: Delivery) {
            panic!("a logger failed");
        }
    }

    fn delivery(topic: &str) -> Delivery {
        Delivery { topic: topic.into(), payload: Bytes::new(), properties: MessageProperties::default() }
    }

    /// Whether somebody took a message of that topic.
    fn arrive(router: &Router, topic: &str) -> bool {
        matches!(router.dispatch(delivery(topic)), (0, None))
    }

    fn subscribe(filter: &str, qos: QoS) -> Option<Request> {
        Some(Request::Subscribe(filter.into(), qos))
    }

    fn unsubscribe(filter: &str) -> Option<Request> {
        Some(Request::Unsubscribe(filter.into()))
    }

    #[test]
    fn a_listener_with_overlapping_filters_gets_a_message_once() {
        let (router, one, other) =
            (Router::new(), Arc::new(Recorder::default()), Arc::new(Recorder::default()));
        let _a = router.register("a/+", QoS::AtMostOnce, one.clone());
        let _b = router.register("a/b", QoS::AtMostOnce, one.clone());
        let _c = router.register("a/c", QoS::AtMostOnce, other.clone());
        assert!(arrive(&router, "a/b"));
        assert!(!arrive(&router, "nowhere"));
        assert_eq!(*one.0.lock().unwrap(), ["a/b"]);
        assert!(other.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_topic_that_is_written_like_a_filter_is_not_taken_for_it() {
        let (router, listener) = (Router::new(), Arc::new(Recorder::default()));
        let _shared = router.register("$share/g/a", QoS::AtMostOnce, listener.clone());
        assert!(!arrive(&router, "$share/g/a"));
        assert!(arrive(&router, "a"));
        let pattern = router.register("a/+", QoS::AtMostOnce, listener.clone());
        assert!(arrive(&router, "a/b"));
        drop(pattern);
        assert!(!arrive(&router, "a/b"));
    }

    #[test]
    fn a_filter_is_new_once_for_each_listener_that_it_gets() {
        let router = Router::new();
        let register = |filter| router.register(filter, QoS::AtMostOnce, Arc::new(Recorder::default()));
        let (_a, _b) = (register("a"), register("b"));
        assert_eq!(router.take_new_filters(), ["a", "b"]);
        assert_eq!(router.take_new_filters(), [""; 0]);
        let _again = register("b");
        drop(register("c"));
        assert_eq!(router.take_new_filters(), ["b"]);
    }

    #[test]
    fn a_topic_is_ending_from_the_last_listener_to_the_brokers_answer() {
        let router = Router::new();
        let one = router.register("a/+", QoS::AtMostOnce, Arc::new(Recorder::default()));
        router.set_granted("a/+", Ok(QoS::AtMostOnce));
        assert!(!router.is_ending("a/b"));
        drop(one);
        assert!(router.is_ending("a/b") && !router.is_ending("b"));
        router.set_releasing("a/+");
        assert!(router.is_ending("a/b"));
        router.set_released("a/+");
        assert!(!router.is_ending("a/b"));
    }

    #[test]
    fn listeners_of_a_shared_filter_take_turns() {
        let router = Router::new();
        let listeners: Vec<Arc<Recorder>> = (0..3).map(|_| Arc::default()).collect();
        let mut registrations: Vec<Registration> = listeners
            .iter()
            .map(|listener| router.register("$share/g/a/+", QoS::AtMostOnce, listener.clone()))
            .collect();
        let taken = || listeners.iter().map(|listener| listener.0.lock().unwrap().len()).collect::<Vec<_>>();
        for expected in [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1]] {
            assert!(arrive(&router, "a/b"));
            assert_eq!(taken(), expected);
        }
        drop(registrations.remove(1));
        arrive(&router, "a/b");
        arrive(&router, "a/b");
        assert_eq!(taken(), [3, 1, 2]);
    }

    #[test]
    fn a_listener_that_leaves_a_shared_filter_gets_what_comes_only_where_no_other_stays() {
        let router = Router::new();
        let (one, other) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
        let filter = "$share/g/a";
        let taken = || [&one, &other].map(|listener| listener.0.lock().unwrap().len());
        let leaving = router.register(filter, QoS::AtMostOnce, one.clone());
        let staying = router.register(filter, QoS::AtMostOnce, other.clone());
        router.set_granted(filter, Ok(QoS::AtMostOnce));
        leaving.leave();
        assert_eq!((router.next_request(), router.released(filter)), (None, true));
        for _ in 0..3 {
            arrive(&router, "a");
        }
        assert_eq!(taken(), [0, 3]);
        drop(staying);
        assert_eq!((router.next_request(), router.released(filter)), (unsubscribe(filter), false));
        router.set_releasing(filter);
        assert!(arrive(&router, "a"));
        assert_eq!(taken(), [1, 3]);
        router.set_released(filter);
        assert_eq!((router.next_request(), router.released(filter)), (None, true));
    }

    #[test]
    fn a_message_for_several_groups_and_a_plain_filter_is_kept_from_none_of_them() {
        let router = Router::new();
        let filters = ["$share/g/a", "$share/g/a", "$share/h/a", "a", "a"];
        let listeners: Vec<Arc<Recorder>> = filters.iter().map(|_| Arc::default()).collect();
        let _registrations: Vec<Registration> = filters
            .iter()
            .zip(&listeners)
            .map(|(filter, listener)| router.register(filter, QoS::AtMostOnce, listener.clone()))
            .collect();
        assert!(arrive(&router, "a"));
        let taken = listeners.iter().map(|listener| listener.0.lock().unwrap().len());
        assert_eq!(taken.collect::<Vec<_>>(), [1, 0, 1, 1, 1]);
    }

    #[test]
    fn a_panicking_listener_keeps_the_message_from_nobody_else() {
        let (router, other) = (Router::new(), Arc::new(Recorder::default()));
        let _a = router.register("a", QoS::AtMostOnce, Arc::new(Panicking));
        let _b = router.register("a", QoS::AtMostOnce, other.clone());
        let _c = router.register("a", QoS::AtMostOnce, Arc::new(Panicking));
        assert!(matches!(router.dispatch(delivery("a")), (2, None)));
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
        assert!(router.released("a"), "what still comes is for the other listener");
        drop(other);
        assert_eq!(router.next_request(), unsubscribe("a"));
        router.set_releasing("a");
        assert_eq!((router.next_request(), router.released("a")), (None, false));
        router.set_released("a");
        assert_eq!((router.next_request(), router.released("a")), (None, true));
    }

    #[test]
    fn a_filter_that_is_wanted_again_while_the_broker_forgets_it_is_asked_for_again() {
        let router = Router::new();
        drop(router.register("a", QoS::AtMostOnce, Arc::new(Recorder::default())));
        router.set_releasing("a");
        let _again = router.register("a", QoS::AtMostOnce, Arc::new(Recorder::default()));
        assert!(router.granted("a").is_none());
        assert_eq!(router.next_request(), subscribe("a", QoS::AtMostOnce));
        router.set_granted("a", Ok(QoS::AtMostOnce));
        // The task hears of it only now.
        router.set_released("a");
        assert!(matches!(router.granted("a"), Some(Ok(()))));
        assert_eq!(router.next_request(), None);
    }

    #[test]
    fn a_request_that_a_lost_connection_left_without_an_answer_is_repeated() {
        let router = Router::new();
        let one = router.register("a", QoS::AtMostOnce, Arc::new(Recorder::default()));
        router.set_subscribing("a");
        assert_eq!(router.next_request(), subscribe("a", QoS::AtMostOnce));
        drop(one);
        assert!(!router.released("a"), "the broker may have subscribed to it");
        assert_eq!(router.next_request(), unsubscribe("a"));
        router.set_releasing("a");
        router.release_again();
        assert_eq!(router.next_request(), unsubscribe("a"));
        router.forget_grants();
        assert_eq!((router.next_request(), router.released("a")), (None, true));
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
