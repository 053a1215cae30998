use std::{sync::Arc, time::Duration};

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
    conformance::{OpenFailure, QueueContext},
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Flaw, GARBAGE, Result,
    hub::{Hub, Network},
};

/// A queue on the broker.
pub(super) struct Remote {
    base: Arc<MessageQueue>,
    hub: Arc<Hub>,
    refused: Option<OpenFailure>,
    instance: usize,
    config: ConfigParams,
    session: ArcSwapOption<Session>,
}

pub(super) struct Session {
    sends_to: Arc<MemoryMessageQueue>,
    pub(super) receives_from: Arc<MemoryMessageQueue>,
    closed: CancellationToken,
    /// The connections that were lost when it began.
    losses: usize,
}

impl Remote {
    pub(super) fn new(hub: &Arc<Hub>, cx: &QueueContext, refused: Option<OpenFailure>) -> Result<Self> {
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

    pub(super) fn session(&self) -> Result<Arc<Session>> {
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
