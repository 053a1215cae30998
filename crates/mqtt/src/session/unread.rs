use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use pip_services_components::log::ILogger;
use tokio::task::coop::consume_budget;

use super::core::Core;
use crate::client::{Event, Events};

/// How many bytes of messages at QoS 0 wait for an open in their turn.
const MOST_AT_QOS_0: usize = 1024 * 1024;

/// The events that nobody has looked at yet. The messages among them are lost when it is dropped, which is told.
///
/// What comes at QoS 1 and 2 while a kept session is being opened is not confirmed, and comes again from a broker that is left
/// for the next one, or at another open. So it waits here for the open to succeed, and what comes behind it waits as well. No
/// broker sends more than MQTT has ids for, and most send far less before they have a confirmation.
pub(super) struct Unread {
    events: Events,
    core: Arc<Core>,
    /// What waits for the open.
    waiting: VecDeque<Event>,
    /// How many bytes of that are at QoS 0.
    at_qos_0: usize,
    /// What waits for nothing any more, and comes first.
    ready: VecDeque<Event>,
}

impl Unread {
    pub(super) fn new(events: Events, core: Arc<Core>) -> Self {
        let (waiting, ready) = (VecDeque::new(), VecDeque::new());
        Self { events, core, waiting, at_qos_0: 0, ready }
    }

    /// The next event. Dropping the future loses nothing.
    pub(super) async fn recv(&mut self) -> Option<Event> {
        loop {
            if !self.waiting.is_empty() && self.is_open() {
                self.ready.append(&mut std::mem::take(&mut self.waiting));
                self.at_qos_0 = 0;
            }
            if !self.ready.is_empty() {
                // As the channel does: others have their turn in between, and the end of the task.
                consume_budget().await;
            }
            let event = match self.ready.pop_front() {
                Some(event) => event,
                None => {
                    if self.ready.capacity() > 0 {
                        // Without the room that many have taken.
                        self.ready = VecDeque::new();
                    }
                    let event = self.events.recv().await?;
                    let Some(event) = self.unless_it_waits(event) else { continue };
                    event
                }
            };
            if !self.comes_again(&event) {
                return Some(event);
            }
        }
    }

    fn is_open(&self) -> bool {
        self.core.opened.load(Ordering::Acquire) > 0
    }

    /// An event that has come, unless it has to wait for the open.
    fn unless_it_waits(&mut self, mut event: Event) -> Option<Event> {
        let is_first = self.waiting.is_empty();
        match &mut event {
            _ if is_first && (self.is_open() || self.core.options.clean_session) => return Some(event),
            Event::Message { waiting, confirmed_on: Some(_), .. } => waiting.lighten(),
            Event::Message { delivery, waiting, .. } if !is_first => {
                waiting.lighten();
                self.at_qos_0 += delivery.memory();
            }
            // It is to stay behind the messages of its filter.
            Event::Unsubscribed(_) if !is_first => {}
            _ => return Some(event),
        }
        self.waiting.push_back(event);
        if self.at_qos_0 > MOST_AT_QOS_0 {
            // Out of their turn, but none is lost, and none comes twice: nobody sends them again.
            let is_at_qos_0 = |event: &Event| matches!(event, Event::Message { confirmed_on: None, .. });
            (self.ready, self.waiting) = std::mem::take(&mut self.waiting).into_iter().partition(is_at_qos_0);
            self.at_qos_0 = 0;
        }
        None
    }

    /// Whether an event is a message that was not confirmed to its broker, and will not be: one of a connection before the one
    /// with which the open has succeeded.
    fn comes_again(&self, event: &Event) -> bool {
        let opened = self.core.opened.load(Ordering::Acquire);
        let is_unconfirmed = |connection: u64| opened == 0 || connection < opened;
        !self.core.options.clean_session
            && matches!(event, Event::Message { confirmed_on: Some(connection), .. } if is_unconfirmed(*connection))
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.events.close();
        let mut left = std::mem::take(&mut self.ready);
        left.append(&mut self.waiting);
        while let Ok(event) = self.events.try_recv() {
            left.push_back(event);
        }
        let is_lost = |event: &&Event| matches!(event, Event::Message { .. }) && !self.comes_again(event);
        let count = left.iter().filter(is_lost).count();
        if count > 0 {
            self.core.counters.dropped(count);
            self.core.tell(|logger| {
                let client_id = &self.core.options.client_id;
                let what = format_args!(
                    "Drops {count} messages that client '{client_id}' had no time to hand over before its end"
                );
                logger.warn(None, what);
            });
        }
        // Whoever waits until none are left finds them told of.
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use bytes::Bytes;
    use pip_services_commons::refer::{IReferences, References};
    use pip_services_components::count::LogCounters;
    use tokio::{
        sync::mpsc::{UnboundedSender, unbounded_channel},
        task::yield_now,
    };

    use super::*;
    use crate::{
        client::{Backlog, Delivery, MessageProperties},
        session::connect::tests::core,
    };

    /// What a test has come, and what is read of it.
    struct Session {
        come: UnboundedSender<Event>,
        unread: Unread,
        core: Arc<Core>,
        backlog: Arc<Backlog>,
    }

    impl Session {
        /// One that is being opened, and kept by the broker.
        fn opening() -> Self {
            let (come, events) = unbounded_channel();
            let core = Arc::new(core(Vec::new()));
            Self { come, unread: Unread::new(events, core.clone()), core, backlog: Arc::default() }
        }

        /// A message comes, at QoS 0 or confirmed on that connection.
        fn message(&self, payload: impl Into<Bytes>, confirmed_on: Option<u64>) {
            let (topic, payload) = ("a".to_owned(), payload.into());
            let delivery = Delivery { topic, payload, properties: MessageProperties::default() };
            let waiting = self.backlog.add(&delivery);
            let _ = self.come.send(Event::Message { delivery, waiting, confirmed_on });
        }

        fn opened(&self, connection: u64) {
            self.core.opened.store(connection, Ordering::Release);
        }

        /// What is given out now, messages shortened to their first byte.
        async fn read(&mut self) -> String {
            let mut read = String::new();
            while let Some(Some(event)) = now(self.unread.recv()).await {
                match event {
                    Event::Message { delivery, .. } => read.push(char::from(delivery.payload[0])),
                    Event::Unsubscribed(_) => read.push('-'),
                    _ => read.push('!'),
                }
            }
            read
        }
    }

    /// What a future gives without waiting.
    async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            given = future => Some(given),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn what_comes_during_an_open_waits_for_it_and_comes_in_order_before_anything_newer() {
        let mut session = Session::opening();
        session.message("0", None);
        assert_eq!(session.read().await, "0", "it would wait for nothing");
        for (payload, confirmed_on) in [("1", Some(1)), ("2", None), ("3", Some(1))] {
            session.message(payload, confirmed_on);
        }
        session.come.send(Event::Unsubscribed("a".into())).unwrap();
        session.come.send(Event::Disconnected(1, None)).unwrap();
        assert_eq!(session.read().await, "!");
        session.message("4", Some(1));
        session.opened(1);
        session.message("5", None);
        assert_eq!(session.read().await, "123-45");
        session.message("6", Some(1));
        session.message("7", Some(2));
        assert_eq!(session.read().await, "67");
    }

    /// The task that is ended, or others on its thread, would wait for all of it.
    #[tokio::test]
    async fn much_that_waited_for_an_open_is_not_given_out_at_one_go() {
        let mut session = Session::opening();
        (0..1000).for_each(|_| session.message("x", Some(1)));
        while session.unread.waiting.len() < 1000 {
            assert_eq!(session.read().await, "");
            yield_now().await;
        }
        session.opened(1);
        let turns = Arc::new(AtomicUsize::new(0));
        let other = tokio::spawn({
            let turns = turns.clone();
            async move {
                loop {
                    turns.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                }
            }
        });
        assert_eq!(session.read().await.len(), 1000);
        assert!(turns.load(Ordering::Relaxed) > 1);
        other.abort();
    }

    #[tokio::test]
    async fn what_came_of_a_broker_that_the_open_left_is_forgotten_but_for_what_does_not_come_again() {
        let mut session = Session::opening();
        for (payload, confirmed_on) in [("1", Some(1)), ("2", None), ("3", Some(2)), ("4", Some(1))] {
            session.message(payload, confirmed_on);
        }
        assert_eq!(session.read().await, "");
        session.opened(2);
        assert_eq!(session.read().await, "23");
        for (payload, confirmed_on) in [("5", Some(1)), ("6", Some(2)), ("7", Some(3)), ("8", Some(2))] {
            session.message(payload, confirmed_on);
        }
        assert_eq!(session.read().await, "678");
    }

    #[tokio::test]
    async fn however_much_comes_at_qos_0_during_an_open_none_is_lost_or_out_of_their_order() {
        let mut session = Session::opening();
        let (mut read, mut sent) = (String::new(), String::new());
        session.message("A", Some(1));
        for number in 0..50 {
            let first = b'a' + number % 20;
            sent.push(char::from(first));
            session.message(vec![first; MOST_AT_QOS_0 / 10], None);
            read += &session.read().await;
        }
        assert!(read.len() > 40, "{read}");
        session.message("B", Some(1));
        session.opened(1);
        let rest = session.read().await;
        assert!(rest.starts_with('A') && rest.ends_with('B'), "{rest}");
        assert_eq!(read + &rest[1..rest.len() - 1], sent);
    }

    #[tokio::test]
    async fn what_waits_for_an_open_keeps_nothing_behind_it_from_coming_and_is_on_its_way_until_it_is_given_out()
     {
        let mut session = Session::opening();
        for _ in 0..10 {
            session.message(vec![b'x'; 1024 * 1024], Some(1));
        }
        assert!(now(session.backlog.room()).await.is_none());
        assert_eq!(session.read().await, "");
        assert!(now(session.backlog.room()).await.is_some());
        assert!(now(session.backlog.empty()).await.is_none());
        session.opened(1);
        assert_eq!(session.read().await, "x".repeat(10));
        assert!(now(session.backlog.empty()).await.is_some());
    }

    #[tokio::test]
    async fn a_clean_session_waits_for_nothing_and_forgets_nothing() {
        let (come, events) = unbounded_channel();
        let mut core = core(Vec::new());
        core.options.clean_session = true;
        let core = Arc::new(core);
        let unread = Unread::new(events, core.clone());
        let mut session = Session { come, unread, core, backlog: Arc::default() };
        session.message("1", Some(1));
        assert_eq!(session.read().await, "1");
        session.opened(2);
        session.message("2", Some(1));
        assert_eq!(session.read().await, "2");
    }

    /// Of the others the broker has no confirmation.
    #[tokio::test]
    async fn of_what_nobody_gets_at_the_end_only_that_counts_as_dropped_which_does_not_come_again() {
        for (opened, expected) in [(0, 1.0), (1, 4.0), (2, 2.0)] {
            let (counters, references) = (Arc::new(LogCounters::new()), References::new());
            references.put("pip-services:counters:log:default:1.0".parse().unwrap(), counters.clone());
            let mut session = Session::opening();
            session.core.counters.set_references(&references).unwrap();
            for (payload, confirmed_on) in [("1", Some(1)), ("2", None), ("3", Some(1))] {
                session.message(payload, confirmed_on);
            }
            assert_eq!(session.read().await, "");
            session.message("4", Some(2));
            session.opened(opened);
            drop(session.unread);
            let count = counters.get("mqtt.default.dropped_messages").and_then(|counter| counter.count);
            assert_eq!(count.map(|count| count as f64), Some(expected), "{opened}");
        }
    }
}
