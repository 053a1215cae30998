use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences},
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{
    CachedMessageQueue, IMessageQueue, IMessageReceiver, ISubscription, ListenedQueue, MessageEnvelope,
    MessageInbox, MessageQueue, MessagingCapabilities, Readiness, SendError,
};
use tokio::sync::watch;

/// A broker that delivers to whoever has subscribed, and does what a test tells it.
#[derive(Clone, Default)]
pub(crate) struct Broker(Arc<State>);

#[derive(Default)]
struct State {
    inboxes: Mutex<HashMap<String, Vec<Weak<MessageInbox>>>>,
    subscriptions: watch::Sender<Answer>,
    acknowledging: watch::Sender<Answer>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

/// What the broker says to a subscription, or to a message.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    #[default]
    Yes,
    No,
    NotYet,
}

async fn answered(answers: &watch::Sender<Answer>) -> bool {
    let mut answers = answers.subscribe();
    *answers.wait_for(|answer| *answer != Answer::NotYet).await.unwrap() == Answer::Yes
}

impl Broker {
    pub(crate) fn answer_subscriptions(&self, answer: Answer) {
        self.0.subscriptions.send_replace(answer);
    }

    pub(crate) fn answer_messages(&self, answer: Answer) {
        self.0.acknowledging.send_replace(answer);
    }

    /// How many messages wait for an answer.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::SeqCst)
    }

    /// How many messages waited for an answer at once, at most.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.0.most_in_flight.load(Ordering::SeqCst)
    }

    /// Gives a message, or something else, to whoever has subscribed to the topic.
    pub(crate) fn deliver(&self, topic: &str, message: Result<&MessageEnvelope, &ApplicationError>) {
        let inboxes = self.0.inboxes.lock().unwrap().get(topic).cloned().unwrap_or_default();
        for inbox in inboxes.iter().filter_map(Weak::upgrade) {
            match message {
                Ok(envelope) => inbox.push(envelope.clone()),
                Err(error) => inbox.malformed(error, topic),
            }
        }
    }

    /// How many queues are subscribed to the topic.
    pub(crate) fn subscribers(&self, topic: &str) -> usize {
        let inboxes = self.0.inboxes.lock().unwrap();
        inboxes
            .get(topic)
            .map_or(0, |inboxes| inboxes.iter().filter(|inbox| inbox.strong_count() > 0).count())
    }
}

pub(crate) struct Subscription {
    broker: Broker,
    topic: String,
    inbox: Arc<MessageInbox>,
}

impl ISubscription for Subscription {
    async fn subscribe(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        {
            let mut inboxes = self.broker.0.inboxes.lock().unwrap();
            let (inboxes, inbox) =
                (inboxes.entry(self.topic.clone()).or_default(), Arc::downgrade(&self.inbox));
            if !inboxes.iter().any(|other| other.ptr_eq(&inbox)) {
                inboxes.push(inbox);
            }
        }
        match answered(&self.broker.0.subscriptions).await {
            true => Ok(()),
            false => {
                Err(ApplicationError::connection(correlation_id, "SUBSCRIBE_FAILED", "the broker said no"))
            }
        }
    }
}

const CAPABILITIES: MessagingCapabilities = MessagingCapabilities {
    can_message_count: true,
    can_send: true,
    can_receive: true,
    can_peek: true,
    can_peek_batch: true,
    can_renew_lock: false,
    can_abandon: false,
    can_dead_letter: false,
    can_clear: true,
};

/// A queue on a topic of such a broker, made of a [`CachedMessageQueue`].
pub(crate) struct TopicQueue {
    cached: CachedMessageQueue<Subscription>,
    broker: Broker,
    configured: Mutex<ConfigParams>,
}

component!(TopicQueue: dyn IMessageQueue, dyn IConfigurable, dyn IReferenceable);

impl TopicQueue {
    pub(crate) fn new(name: &str, broker: &Broker) -> Self {
        let cached = CachedMessageQueue::new(name, CAPABILITIES);
        Self { cached, broker: broker.clone(), configured: Mutex::default() }
    }

    /// What it was configured with last.
    pub(crate) fn configured(&self) -> ConfigParams {
        self.configured.lock().unwrap().clone()
    }
}

impl IConfigurable for TopicQueue {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        *self.configured.lock().unwrap() = config.clone();
        self.cached.configure(config)
    }
}

impl IReferenceable for TopicQueue {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.cached.set_references(references)
    }
}

#[async_trait]
impl IOpenable for TopicQueue {
    fn is_open(&self) -> bool {
        self.cached.is_open()
    }

    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let inbox = self.cached.inbox();
        let subscription = Subscription {
            broker: self.broker.clone(),
            topic: self.get_name(),
            inbox: Arc::new(inbox.clone()),
        };
        self.cached.open(correlation_id, inbox, subscription).await
    }
}

#[async_trait]
impl IClosable for TopicQueue {
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.cached.close(correlation_id).await;
        Ok(())
    }
}

#[async_trait]
impl ICleanable for TopicQueue {
    async fn clear(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.cached.clear(correlation_id);
        Ok(())
    }
}

#[async_trait]
impl IMessageQueue for TopicQueue {
    fn get_name(&self) -> String {
        self.cached.base().get_name()
    }

    fn get_capabilities(&self) -> MessagingCapabilities {
        self.cached.base().capabilities()
    }

    async fn read_message_count(&self) -> Result<u64, ApplicationError> {
        self.cached.read_message_count()
    }

    async fn send(&self, correlation_id: Option<&str>, envelope: MessageEnvelope) -> Result<(), SendError> {
        if let Err(error) = self.cached.session(correlation_id) {
            return Err(SendError::new(error, envelope));
        }
        let broker = &self.broker.0;
        let in_flight = broker.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        broker.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        let taken = answered(&broker.acknowledging).await;
        broker.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !taken {
            let error = ApplicationError::connection(correlation_id, "PUBLISH_FAILED", "the broker said no");
            return Err(SendError::new(error, envelope));
        }
        let mut sent = envelope;
        sent.sent_time = Some(chrono::Utc::now());
        self.broker.deliver(&self.get_name(), Ok(&sent));
        self.cached.base().sent(correlation_id, &sent);
        Ok(())
    }

    async fn peek(&self, correlation_id: Option<&str>) -> Result<Option<MessageEnvelope>, ApplicationError> {
        Ok(self.cached.peek_batch(correlation_id, 1).await?.pop())
    }

    async fn peek_batch(
        &self,
        correlation_id: Option<&str>,
        message_count: usize,
    ) -> Result<Vec<MessageEnvelope>, ApplicationError> {
        self.cached.peek_batch(correlation_id, message_count).await
    }

    async fn receive(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> Result<Option<MessageEnvelope>, ApplicationError> {
        self.cached.receive(correlation_id, wait_timeout).await
    }

    async fn renew_lock(&self, envelope: &MessageEnvelope, _: Duration) -> Result<(), ApplicationError> {
        self.cached.not_supported(envelope, "renew_lock")
    }

    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.cached.complete(envelope)
    }

    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.cached.not_supported(envelope, "abandon")
    }

    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.cached.not_supported(envelope, "move_to_dead_letter")
    }

    async fn listen(
        &self,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        MessageQueue::listen(self, correlation_id, &*receiver).await
    }

    fn begin_listen(
        self: Arc<Self>,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        MessageQueue::begin_listen(&self, correlation_id, receiver)
    }

    async fn end_listen(&self, _: Option<&str>) {
        self.cached.base().end_listen().await;
    }
}

impl ListenedQueue for TopicQueue {
    fn base(&self) -> &MessageQueue {
        self.cached.base()
    }

    fn readiness(&self, correlation_id: Option<&str>) -> Result<Box<dyn Readiness>, ApplicationError> {
        self.cached.readiness(correlation_id)
    }

    fn put_back(&self, envelope: MessageEnvelope) {
        self.cached.put_back(envelope);
    }
}
