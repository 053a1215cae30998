use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::try_join_all;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, References},
    run::IOpenable,
};
use pip_services_messaging::{IMessageQueue, IMessageQueueExt, MessageEnvelope};
use pip_services_mqtt::{MqttConnection, MqttMessageQueue};
use tokio::task::JoinSet;

use super::{Contender, Handler, Sender, payload};
use crate::{
    job::{Link, Pace, Reception, WINDOW},
    outcome::Outcome,
};

/// Queues of this project on one shared connection.
pub(crate) struct Ours;

impl Ours {
    pub(crate) const NAME: &str = "pip-services-mqtt";
    pub(crate) const BY_TASKS: &str = "pip-services-mqtt, 100 tasks";
    pub(crate) const BY_BATCH: &str = "pip-services-mqtt, send_batch";
    pub(crate) const WITH_ENVELOPE: &str = "pip-services-mqtt, envelope";
}

impl Contender for Ours {
    type Sender = OurSender;
    type Receiver = Vec<Arc<MqttMessageQueue>>;

    async fn sender(link: &Link, pace: Pace) -> Outcome<OurSender> {
        let references = connected(link).await?;
        let queues = opened(&references, link, false).await?;
        let fence = Link { topic: link.fence(), queues: 1, qos: 1, ..link.clone() };
        let fence = opened(&references, &fence, false).await?.remove(0);
        Ok(OurSender { queues, fence, payload: payload(link).into(), pace })
    }

    async fn receiver(link: &Link, how: Reception, handler: Handler) -> Outcome<Self::Receiver> {
        let queues = opened(&connected(link).await?, link, true).await?;
        for queue in &queues {
            let (queue, handler) = (queue.clone(), handler.clone());
            match how {
                Reception::Listen => {
                    let receiver = move |envelope: MessageEnvelope| {
                        handler(size(&envelope));
                        std::future::ready(Ok::<_, ApplicationError>(()))
                    };
                    queue.begin_listen(None, Arc::new(receiver))?;
                }
                Reception::Receive => {
                    tokio::spawn(async move {
                        while let Ok(received) = queue.receive(None, Duration::MAX).await {
                            if let Some(envelope) = received {
                                handler(size(&envelope));
                            }
                        }
                    });
                }
            }
        }
        Ok(queues)
    }
}

pub(crate) struct OurSender {
    queues: Vec<Arc<MqttMessageQueue>>,
    fence: Arc<MqttMessageQueue>,
    payload: Bytes,
    pace: Pace,
}

impl OurSender {
    fn queue(&self, number: usize) -> &Arc<MqttMessageQueue> {
        &self.queues[number % self.queues.len()]
    }
}

impl Sender for OurSender {
    async fn send(&self, messages: usize) -> Outcome<()> {
        match self.pace {
            Pace::Awaited => {
                for number in 0..messages {
                    self.queue(number).send(None, message(&self.payload)).await?;
                }
            }
            Pace::Tasks | Pace::Window(_) => {
                let mut tasks = JoinSet::new();
                for (number, share) in shares(messages, self.pace.window()).enumerate() {
                    let (queue, payload) = (self.queue(number).clone(), self.payload.clone());
                    tasks.spawn(async move {
                        for _ in 0..share {
                            queue.send(None, message(&payload)).await?;
                        }
                        Ok::<_, ApplicationError>(())
                    });
                }
                while let Some(ended) = tasks.join_next().await {
                    ended??;
                }
            }
            Pace::Batch => {
                let batches = shares(messages, self.queues.len())
                    .zip(&self.queues)
                    .map(|(share, queue)| queue.send_batch(None, (0..share).map(|_| message(&self.payload))));
                try_join_all(batches).await?;
            }
        }
        Ok(())
    }

    async fn fence(&self) -> Outcome<()> {
        Ok(self.fence.send(None, message(&self.payload)).await?)
    }
}

fn message(payload: &Bytes) -> MessageEnvelope {
    MessageEnvelope::new(None, "order", payload.clone())
}

fn size(envelope: &MessageEnvelope) -> usize {
    envelope.get_message().map_or(0, Bytes::len)
}

/// Splits a number into so many parts that differ by one at most.
fn shares(messages: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |part| messages / parts + usize::from(part < messages % parts))
}

async fn connected(link: &Link) -> Outcome<References> {
    let connection = Arc::new(MqttConnection::new());
    connection.configure(&ConfigParams::from_tuples([
        ("connection.host", "127.0.0.1".to_owned()),
        ("connection.port", link.port.to_string()),
        // At QoS 2 it has fewer by itself, as many as any broker takes.
        ("options.max_inflight", WINDOW.to_string()),
    ]))?;
    connection.open(None).await?;
    let references = References::new();
    references.put("pip-services:connection:mqtt:default:1.0".parse()?, connection);
    Ok(references)
}

async fn opened(references: &References, link: &Link, receives: bool) -> Outcome<Vec<Arc<MqttMessageQueue>>> {
    let mut queues = Vec::new();
    for topic in link.topics() {
        let queue = MqttMessageQueue::new(&topic);
        queue.configure(&ConfigParams::from_tuples([
            ("options.qos", link.qos.to_string()),
            ("options.serialize_envelope", link.envelope.to_string()),
            ("options.autosubscribe", receives.to_string()),
            // Whoever is behind may be so by as much as the others may.
            ("options.max_cache_size", "10000000".to_owned()),
        ]))?;
        queue.set_references(references)?;
        queue.open(None).await?;
        queues.push(Arc::new(queue));
    }
    Ok(queues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(shares(7, 3).collect::<Vec<_>>(), [3, 2, 2]);
        assert_eq!(shares(2, 3).sum::<usize>(), 2);
    }
}
