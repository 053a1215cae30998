//! A queue on a broker within the process, whose network can be cut and which can be given a flaw.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, IMessageReceiver, ListenedQueue, MemoryMessageQueue, MessageEnvelope, MessageQueue,
    MessagingCapabilities, Readiness, SendError,
    conformance::{FaultError, FaultInjector, Fixture, OpenFailure, Profile, QueueContext, Sharing},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

type Result<T, E = ApplicationError> = std::result::Result<T, E>;

/// The type of a message that is none.
const GARBAGE: &str = "garbage";
/// How long a queue waits for its broker.
const BROKER_TIMEOUT: Duration = Duration::from_millis(500);

/// What is wrong with a remote queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Takes an error for success when it opens.
    SwallowsOpenErrors,
    /// Counts as open although it did not open.
    OpenAfterFailure,
    /// Tells of a failed open by a code of its own.
    StrangeCode,
    /// Takes a refused subscription for an empty queue.
    IgnoresRefusal,
    /// Ends at what is no message.
    ChokesOnGarbage,
    /// Skips what is no message and tells nobody.
    SkipsInSilence,
    /// Counts what is no message and does not log it.
    OnlyCounts,
    /// Sends to the queue of its name and receives from that of its topic.
    SendsByName,
    /// Looks at a name only as far as the first slash.
    CutsNames,
    /// Waits for its receiver when the listening ends, also where the receiver ends it.
    WaitsForItsReceiver,
    /// Loses a message that waits when it is closed.
    LosesOneAtClose,
    /// Says Ok while there is no network.
    LiesInCut,
    /// Has no timeouts.
    Hangs,
    /// A send has no timeout.
    SendHangs,
    /// A close waits for the broker.
    CloseHangs,
    /// A receive does not wait for a broker that does not answer.
    GivesUpAtOnce,
    /// Sends although it did not open.
    SendsUnopened,
    /// Cannot be closed where it did not open.
    ClosesBadly,
    /// Gives one of its instances each message twice.
    RepeatsToOne,
    /// Does not listen any more after its connection was lost.
    DeafAfterLoss,
    /// A receive that waits does so for ever once the connection was lost.
    StuckAfterLoss,
    /// Delivers once more what was completed before the connection was lost.
    RepeatsAfterLoss,
    /// A broker that takes messages while it is restarted, and forgets them.
    ForgetsAtRestart,
    /// A broker that keeps nothing for a queue that is closed.
    ForgetsTheClosed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Up,
    Down,
    /// Down because of a restart.
    Restarting,
}

/// The broker.
pub(crate) struct Hub {
    flaw: Flaw,
    /// Whether each instance has messages of its own.
    fans_out: bool,
    queues: Mutex<HashMap<String, Arc<MemoryMessageQueue>>>,
    network: watch::Sender<Network>,
    losses: watch::Sender<usize>,
    /// Where something was completed, and what.
    completed: Mutex<Vec<(Arc<MemoryMessageQueue>, MessageEnvelope)>>,
}

impl Hub {
    /// A broker and a fixture of queues on it, whose instances compete.
    pub(crate) fn fixture(flaw: Flaw) -> Fixture {
        Self::fixture_of(flaw, false)
    }

    /// A broker and a fixture of queues on it, each instance of which gets all messages that come while it is open.
    pub(crate) fn fans_out(flaw: Flaw) -> Fixture {
        let profile = Profile { sharing: Sharing::FanOut, durable: false, ..Profile::strict() };
        Self::fixture_of(flaw, true).profile(profile)
    }

    fn fixture_of(flaw: Flaw, fans_out: bool) -> Fixture {
        let hub = Arc::new(Self {
            flaw,
            fans_out,
            queues: Mutex::default(),
            network: watch::Sender::new(Network::Up),
            losses: watch::Sender::new(0),
            completed: Mutex::default(),
        });
        let faults = Faults(hub.clone());
        Fixture::new(move |cx| {
            let made = Remote::new(&hub, &cx, None);
            async { made }
        })
        .cleanable::<Remote>()
        .dead_letters(|queue: Arc<Remote>| async move { Ok(queue.session()?.receives_from.dead_letters()) })
        .faults(faults)
        .rehearsal()
    }

    fn queue(&self, name: &str) -> Arc<MemoryMessageQueue> {
        let name = match self.flaw {
            Flaw::CutsNames => name.split('/').next().unwrap_or_default(),
            _ => name,
        };
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(name.to_owned()).or_insert_with(|| Arc::new(MemoryMessageQueue::new(name))).clone()
    }

    /// Gives the message to whoever is to get it.
    async fn deliver(
        &self,
        topic: &Arc<MemoryMessageQueue>,
        envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
        if !self.fans_out {
            return topic.send(None, envelope).await;
        }
        let subscribed: Vec<_> = {
            let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            let prefix = format!("{}#", topic.get_name());
            let of_topic = queues.iter().filter(|(name, _)| name.starts_with(&prefix));
            of_topic.map(|(_, queue)| queue.clone()).filter(|queue| queue.is_open()).collect()
        };
        for queue in subscribed {
            let name = queue.get_name();
            // The instances that the case opens are the second and the third.
            if self.flaw == Flaw::RepeatsToOne && name.starts_with("two_instances") && name.ends_with("#2") {
                queue.send(None, envelope.clone()).await?;
            }
            queue.send(None, envelope.clone()).await?;
        }
        Ok(())
    }

    /// Waits for the network, for a time.
    async fn reach(&self) -> Result<()> {
        let mut network = self.network.subscribe();
        let up = network.wait_for(|network| *network == Network::Up);
        let hangs = matches!(self.flaw, Flaw::Hangs | Flaw::SendHangs);
        let limit = if hangs { Duration::MAX } else { BROKER_TIMEOUT };
        match timeout(limit, up).await {
            Ok(_) => Ok(()),
            Err(_) => Err(ApplicationError::connection(None, "PUBLISH_FAILED", "the broker does not answer")),
        }
    }

    async fn lose_connections(&self) {
        self.losses.send_modify(|losses| *losses += 1);
        if self.flaw == Flaw::RepeatsAfterLoss {
            let completed = std::mem::take(&mut *self.completed.lock().unwrap());
            for (queue, envelope) in completed {
                let _ = queue.send(None, envelope).await;
            }
        }
    }
}

/// What can be done to the broker.
struct Faults(Arc<Hub>);

#[async_trait]
impl FaultInjector for Faults {
    async fn restart_broker(&self) -> Result<(), FaultError> {
        self.0.network.send_replace(Network::Restarting);
        self.0.lose_connections().await;
        sleep(Duration::from_millis(30)).await;
        self.0.network.send_replace(Network::Up);
        Ok(())
    }

    async fn cut(&self) -> Result<(), FaultError> {
        self.0.network.send_replace(Network::Down);
        Ok(())
    }

    async fn heal(&self) -> Result<(), FaultError> {
        self.0.network.send_replace(Network::Up);
        Ok(())
    }

    async fn stall(&self) -> Result<(), FaultError> {
        self.cut().await
    }

    async fn resume(&self) -> Result<(), FaultError> {
        self.heal().await
    }

    async fn kick_client(&self) -> Result<(), FaultError> {
        self.0.lose_connections().await;
        Ok(())
    }

    async fn unreachable_queue(
        &self,
        context: QueueContext,
        why: OpenFailure,
    ) -> Result<Arc<dyn IMessageQueue>, FaultError> {
        Ok(Arc::new(Remote::new(&self.0, &context, Some(why))?))
    }

    async fn inject_raw(&self, destination: &str, _: &[u8]) -> Result<(), FaultError> {
        let queue = self.0.queue(destination);
        queue.open(None).await?;
        self.0.deliver(&queue, MessageEnvelope::new(None, GARBAGE, "")).await?;
        Ok(())
    }
}

/// A queue on the broker.
pub(crate) struct Remote {
    base: Arc<MessageQueue>,
    hub: Arc<Hub>,
    refused: Option<OpenFailure>,
    instance: usize,
    config: ConfigParams,
    session: ArcSwapOption<Session>,
}

struct Session {
    sends_to: Arc<MemoryMessageQueue>,
    receives_from: Arc<MemoryMessageQueue>,
    closed: CancellationToken,
    /// The connections that were lost when it began.
    losses: usize,
}

impl Remote {
    fn new(hub: &Arc<Hub>, cx: &QueueContext, refused: Option<OpenFailure>) -> Result<Self> {
        let capabilities = MemoryMessageQueue::new("").get_capabilities();
        let base = MessageQueue::new(cx.queue_name(), capabilities);
        base.set_references(&cx.references())?;
        let config = cx.config([("topic", cx.queue_name())]);
        Ok(Self {
            base: Arc::new(base),
            hub: hub.clone(),
            refused,
            instance: cx.instance(),
            config,
            session: ArcSwapOption::empty(),
        })
    }

    fn session(&self) -> Result<Arc<Session>> {
        self.session.load_full().ok_or_else(|| self.base.not_opened(None))
    }

    fn connect_failed(&self) -> Result<()> {
        let code = match (self.refused, self.hub.flaw) {
            (None | Some(OpenFailure::SubscriptionRefused), _) | (_, Flaw::SwallowsOpenErrors) => {
                return Ok(());
            }
            (_, Flaw::StrangeCode) => "OOPS",
            _ => "CONNECT_FAILED",
        };
        Err(ApplicationError::connection(None, code, "there is no such broker"))
    }

    /// The next message of the broker, or `None` after the time; what is no message is skipped.
    async fn take(&self, session: &Session, wait: Duration) -> Result<Option<MessageEnvelope>> {
        let start = Instant::now();
        loop {
            let left = wait.saturating_sub(start.elapsed());
            let lost = *self.hub.losses.borrow() > session.losses;
            if lost && self.hub.flaw == Flaw::StuckAfterLoss {
                session.closed.cancelled().await;
                return Ok(None);
            }
            // The network is looked at again now and then.
            let look = left.min(Duration::from_millis(20));
            let received = match *self.hub.network.borrow() {
                Network::Up => None,
                Network::Down | Network::Restarting => Some(look),
            };
            let received = match received {
                Some(look) => {
                    match self.hub.flaw {
                        Flaw::Hangs => self.hub.reach().await?,
                        Flaw::GivesUpAtOnce => return Ok(None),
                        _ => {}
                    }
                    tokio::select! {
                        () = sleep(look) => None,
                        () = session.closed.cancelled() => return Ok(None),
                    }
                }
                None => tokio::select! {
                    received = session.receives_from.receive(None, look) => received?,
                    () = session.closed.cancelled() => return Ok(None),
                },
            };
            match received {
                Some(mut envelope) if envelope.message_type.as_deref() == Some(GARBAGE) => {
                    session.receives_from.complete(&mut envelope).await?;
                    self.skip()?;
                }
                Some(envelope) => return Ok(Some(envelope)),
                None if left.is_zero() => return Ok(None),
                None => {}
            }
        }
    }

    fn skip(&self) -> Result<()> {
        let error = ApplicationError::bad_request(None, "BAD_ENVELOPE", "it is no message");
        match self.hub.flaw {
            Flaw::ChokesOnGarbage => return Err(error),
            Flaw::SkipsInSilence => {}
            Flaw::OnlyCounts => {
                let name = format!("queue.{}.malformed_messages", self.base.get_name());
                self.base.counters().increment_one(&name);
            }
            _ => self.base.malformed(&error, "the broker"),
        }
        Ok(())
    }
}

#[async_trait]
impl IOpenable for Remote {
    fn is_open(&self) -> bool {
        self.session.load().is_some()
    }

    async fn open(&self, _: Option<&str>) -> Result<()> {
        if self.is_open() {
            return Ok(());
        }
        let outcome = self.connect_failed();
        if outcome.is_err() && self.hub.flaw != Flaw::OpenAfterFailure {
            return outcome;
        }
        let topic = self.config.get_as_string("topic");
        let by_topic = self.hub.queue(&topic);
        let of_instance = match self.hub.fans_out {
            true => self.hub.queue(&format!("{topic}#{}", self.instance)),
            false => by_topic.clone(),
        };
        of_instance.configure(&self.config)?;
        let session = Session {
            sends_to: match self.hub.flaw {
                Flaw::SendsByName => self.hub.queue(&self.base.get_name()),
                _ => by_topic.clone(),
            },
            receives_from: of_instance,
            closed: CancellationToken::new(),
            losses: *self.hub.losses.borrow(),
        };
        session.sends_to.open(None).await?;
        session.receives_from.open(None).await?;
        if self.hub.flaw == Flaw::ForgetsTheClosed {
            session.receives_from.clear(None).await?;
        }
        self.session.store(Some(Arc::new(session)));
        outcome
    }
}

#[async_trait]
impl IClosable for Remote {
    async fn close(&self, _: Option<&str>) -> Result<()> {
        self.end_listen(None).await;
        match self.hub.flaw {
            Flaw::CloseHangs => {
                let _ = self.hub.network.subscribe().wait_for(|network| *network == Network::Up).await;
            }
            Flaw::ClosesBadly if !self.is_open() => return Err(self.base.not_opened(None)),
            _ => {}
        }
        if let Some(session) = self.session.swap(None) {
            session.closed.cancel();
            if self.hub.fans_out {
                session.receives_from.clear(None).await?;
                session.receives_from.close(None).await?;
            }
            if self.hub.flaw == Flaw::LosesOneAtClose
                && let Some(mut lost) = session.sends_to.receive(None, Duration::ZERO).await?
            {
                session.sends_to.complete(&mut lost).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ICleanable for Remote {
    async fn clear(&self, _: Option<&str>) -> Result<()> {
        match self.session.load_full() {
            Some(session) => session.receives_from.clear(None).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl IMessageQueue for Remote {
    fn get_name(&self) -> String {
        self.base.get_name()
    }

    fn get_capabilities(&self) -> MessagingCapabilities {
        self.base.capabilities()
    }

    async fn read_message_count(&self) -> Result<u64> {
        self.session()?.receives_from.read_message_count().await
    }

    async fn send(&self, _: Option<&str>, envelope: MessageEnvelope) -> Result<(), SendError> {
        let session = match self.session() {
            Ok(session) => session,
            Err(_) if self.hub.flaw == Flaw::SendsUnopened => return Ok(()),
            Err(error) => return Err(SendError::new(error, envelope)),
        };
        let network = *self.hub.network.borrow();
        if let (Flaw::LiesInCut, Network::Down) | (Flaw::ForgetsAtRestart, Network::Restarting) =
            (self.hub.flaw, network)
        {
            return Ok(());
        }
        match self.hub.reach().await {
            Ok(()) => self.hub.deliver(&session.sends_to, envelope).await,
            Err(error) => Err(SendError::new(error, envelope)),
        }
    }

    async fn peek(&self, _: Option<&str>) -> Result<Option<MessageEnvelope>> {
        self.session()?.receives_from.peek(None).await
    }

    async fn peek_batch(&self, _: Option<&str>, count: usize) -> Result<Vec<MessageEnvelope>> {
        self.session()?.receives_from.peek_batch(None, count).await
    }

    async fn receive(&self, _: Option<&str>, wait: Duration) -> Result<Option<MessageEnvelope>> {
        let session = self.session()?;
        if self.refused.is_some() && self.hub.flaw != Flaw::IgnoresRefusal {
            return Err(ApplicationError::connection(None, "SUBSCRIBE_FAILED", "not to you"));
        }
        self.take(&session, wait).await
    }

    async fn renew_lock(&self, envelope: &MessageEnvelope, lock_timeout: Duration) -> Result<()> {
        self.session()?.receives_from.renew_lock(envelope, lock_timeout).await
    }

    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        let session = self.session()?;
        let completed = (session.receives_from.clone(), envelope.clone());
        self.hub.completed.lock().unwrap().push(completed);
        session.receives_from.complete(envelope).await
    }

    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        self.session()?.receives_from.abandon(envelope).await
    }

    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        self.session()?.receives_from.move_to_dead_letter(envelope).await
    }

    async fn listen(&self, _: Option<&str>, receiver: Arc<dyn IMessageReceiver>) -> Result<()> {
        MessageQueue::listen(self, None, &*receiver).await
    }

    fn begin_listen(self: Arc<Self>, _: Option<&str>, receiver: Arc<dyn IMessageReceiver>) -> Result<()> {
        MessageQueue::begin_listen(&self, None, receiver)
    }

    async fn end_listen(&self, _: Option<&str>) {
        if self.hub.flaw == Flaw::WaitsForItsReceiver {
            let base = self.base.clone();
            // From a task that is not the receiver's.
            let _ = tokio::spawn(async move { base.end_listen().await }).await;
        }
        self.base.end_listen().await;
    }
}

impl ListenedQueue for Remote {
    fn base(&self) -> &MessageQueue {
        &self.base
    }

    fn readiness(&self, _: Option<&str>) -> Result<Box<dyn Readiness>> {
        Ok(Box::new(NowAndThen { hub: self.hub.clone(), losses: self.session()?.losses }))
    }

    fn put_back(&self, envelope: MessageEnvelope) {
        let Some(session) = self.session.load_full() else { return };
        tokio::spawn(async move {
            let mut envelope = envelope;
            let _ = session.receives_from.abandon(&mut envelope).await;
        });
    }
}

/// Looks for a message now and then.
struct NowAndThen {
    hub: Arc<Hub>,
    losses: usize,
}

#[async_trait]
impl Readiness for NowAndThen {
    async fn ready(&mut self) -> Result<()> {
        sleep(Duration::from_millis(1)).await;
        if self.hub.flaw == Flaw::DeafAfterLoss && *self.hub.losses.borrow() > self.losses {
            return Err(ApplicationError::connection(None, "LOST", "the connection was lost"));
        }
        Ok(())
    }
}
