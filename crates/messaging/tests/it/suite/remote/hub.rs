use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pip_services_commons::{errors::ApplicationError, run::IOpenable};
use pip_services_messaging::{
    IMessageQueue, MemoryMessageQueue, MessageEnvelope, SendError,
    conformance::{Fixture, Profile, Sharing},
};
use tokio::{sync::watch, time::timeout};

use super::{Flaw, Result, faults::Faults, queue::Remote};

/// How long a queue waits for its broker.
const BROKER_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    Up,
    Down,
    /// Down because of a restart.
    Restarting,
}

/// The broker.
pub(crate) struct Hub {
    pub(super) flaw: Flaw,
    /// Whether each instance has messages of its own.
    pub(super) fans_out: bool,
    pub(super) queues: Mutex<HashMap<String, Arc<MemoryMessageQueue>>>,
    pub(super) network: watch::Sender<Network>,
    pub(super) losses: watch::Sender<usize>,
    /// Where something was completed, and what.
    pub(super) completed: Mutex<Vec<(Arc<MemoryMessageQueue>, MessageEnvelope)>>,
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

    pub(super) fn queue(&self, name: &str) -> Arc<MemoryMessageQueue> {
        let name = match self.flaw {
            Flaw::CutsNames => name.split('/').next().unwrap_or_default(),
            _ => name,
        };
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(name.to_owned()).or_insert_with(|| Arc::new(MemoryMessageQueue::new(name))).clone()
    }

    /// Gives the message to whoever is to get it.
    pub(super) async fn deliver(
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
    pub(super) async fn reach(&self) -> Result<()> {
        let mut network = self.network.subscribe();
        let up = network.wait_for(|network| *network == Network::Up);
        let hangs = matches!(self.flaw, Flaw::Hangs | Flaw::SendHangs);
        let limit = if hangs { Duration::MAX } else { BROKER_TIMEOUT };
        match timeout(limit, up).await {
            Ok(_) => Ok(()),
            Err(_) => Err(ApplicationError::connection(None, "PUBLISH_FAILED", "the broker does not answer")),
        }
    }

    pub(super) async fn lose_connections(&self) {
        self.losses.send_modify(|losses| *losses += 1);
        if self.flaw == Flaw::RepeatsAfterLoss {
            let completed = std::mem::take(&mut *self.completed.lock().unwrap());
            for (queue, envelope) in completed {
                let _ = queue.send(None, envelope).await;
            }
        }
    }
}
