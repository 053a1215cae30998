use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS};
use tokio::sync::Notify;

use super::{Contender, Handler, Sender, payload};
use crate::{
    job::{Link, Pace, Reception, WINDOW},
    outcome::Outcome,
};

/// More than any payload, as what is larger is refused.
const LARGEST_PACKET: usize = 1024 * 1024;

/// How many messages may wait for its loop of events. With fewer, at QoS 0, who sends waits more often than it has to.
const REQUESTS: usize = 1_000;

/// A client all in Rust. Its own window keeps messages at QoS 1 and 2 on their way.
pub(crate) struct Rumqttc;

impl Rumqttc {
    pub(crate) const NAME: &str = "rumqttc";
}

impl Contender for Rumqttc {
    type Sender = RumqttcSender;
    type Receiver = AsyncClient;

    async fn sender(link: &Link, pace: Pace) -> Outcome<RumqttcSender> {
        let (client, mut events) = client(link, "sender", pace.window());
        let acknowledged = Arc::new(Acknowledged::default());
        let sender = RumqttcSender {
            client,
            topics: link.topics(),
            fence: link.fence(),
            qos: qos(link.qos),
            payload: payload(link).into(),
            acknowledged: acknowledged.clone(),
            pace,
        };
        connected(&mut events).await?;
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) = event {
                    acknowledged.count.fetch_add(1, Ordering::Release);
                    acknowledged.changed.notify_one();
                }
            }
        });
        Ok(sender)
    }

    /// Its loop of events is both a call that waits and the place where messages are handled.
    async fn receiver(link: &Link, _: Reception, handler: Handler) -> Outcome<AsyncClient> {
        let (client, mut events) = client(link, "receiver", WINDOW);
        connected(&mut events).await?;
        for topic in link.topics() {
            client.subscribe(topic, qos(link.qos)).await?;
            while !matches!(events.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
        }
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(Packet::Publish(message)) = event {
                    handler(message.payload.len());
                }
            }
        });
        Ok(client)
    }
}

/// The broker's answers, which the client does not tell to whoever sent the message.
#[derive(Default)]
struct Acknowledged {
    count: AtomicUsize,
    changed: Notify,
}

impl Acknowledged {
    async fn reach(&self, count: usize) {
        while self.count.load(Ordering::Acquire) < count {
            self.changed.notified().await;
        }
    }
}

pub(crate) struct RumqttcSender {
    client: AsyncClient,
    topics: Vec<String>,
    fence: String,
    qos: QoS,
    payload: Bytes,
    acknowledged: Arc<Acknowledged>,
    pace: Pace,
}

impl Sender for RumqttcSender {
    /// At QoS 0 nothing tells that a message was written: a send is over when the client has taken the message.
    async fn send(&self, messages: usize) -> Outcome<()> {
        let before = self.acknowledged.count.load(Ordering::Acquire);
        for number in 0..messages {
            let topic = self.topics[number % self.topics.len()].as_str();
            self.client.publish_bytes(topic, self.qos, false, self.payload.clone()).await?;
            if self.pace == Pace::Awaited && self.qos != QoS::AtMostOnce {
                self.acknowledged.reach(before + number + 1).await;
            }
        }
        if self.qos != QoS::AtMostOnce {
            self.acknowledged.reach(before + messages).await;
        }
        Ok(())
    }

    async fn fence(&self) -> Outcome<()> {
        let before = self.acknowledged.count.load(Ordering::Acquire);
        self.client.publish_bytes(self.fence.as_str(), QoS::AtLeastOnce, false, self.payload.clone()).await?;
        self.acknowledged.reach(before + 1).await;
        Ok(())
    }
}

fn client(link: &Link, role: &str, window: usize) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(format!("{}-{role}", link.topic), "127.0.0.1", link.port);
    options.set_keep_alive(Duration::from_secs(60));
    options.set_max_packet_size(LARGEST_PACKET, LARGEST_PACKET);
    options.set_inflight(u16::try_from(window).unwrap_or(u16::MAX));
    let (client, mut events) = AsyncClient::new(options, REQUESTS);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    (client, events)
}

async fn connected(events: &mut EventLoop) -> Outcome<()> {
    while !matches!(events.poll().await?, Event::Incoming(Packet::ConnAck(_))) {}
    Ok(())
}

fn qos(number: u8) -> QoS {
    match number {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}
