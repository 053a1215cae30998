use std::{future::Future, sync::Arc, time::Duration};

use pip_services_commons::config::{ConfigParams, IConfigurable};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};
use tokio::sync::mpsc;

pub(crate) trait Sender: Clone + Send + Sync + 'static {
    fn send(&self, message: MessageEnvelope) -> impl Future<Output = ()> + Send;
}

pub(crate) trait Receiver: Send + 'static {
    fn receive(&mut self) -> impl Future<Output = MessageEnvelope> + Send;
}

/// One who carries messages. With a bound, a send waits for room.
pub(crate) trait Contender {
    const NAME: &'static str;
    type Sender: Sender;
    type Receiver: Receiver;

    /// `None` where there cannot be so many receivers.
    fn make(bound: Option<usize>, receivers: usize) -> Option<(Self::Sender, Vec<Self::Receiver>)>;
}

/// The memory queue: send, receive with a lock, complete.
pub(crate) struct Queue;

#[derive(Clone)]
pub(crate) struct QueueEnd(pub(crate) Arc<dyn IMessageQueue>);

impl Sender for QueueEnd {
    async fn send(&self, message: MessageEnvelope) {
        self.0.send(None, message).await.unwrap();
    }
}

impl Receiver for QueueEnd {
    async fn receive(&mut self) -> MessageEnvelope {
        let mut envelope = self.0.receive(None, Duration::MAX).await.unwrap().unwrap();
        self.0.complete(&mut envelope).await.unwrap();
        envelope
    }
}

impl Contender for Queue {
    const NAME: &'static str = "MemoryMessageQueue";
    type Sender = QueueEnd;
    type Receiver = QueueEnd;

    fn make(bound: Option<usize>, receivers: usize) -> Option<(QueueEnd, Vec<QueueEnd>)> {
        let queue = MemoryMessageQueue::new("orders");
        if let Some(bound) = bound {
            let options = [("options.max_messages", bound.to_string()), ("options.when_full", "wait".into())];
            queue.configure(&ConfigParams::from_tuples(options)).unwrap();
        }
        let queue = QueueEnd(Arc::new(queue));
        crate::one_thread().block_on(queue.0.open(None)).unwrap();
        Some((queue.clone(), vec![queue; receivers]))
    }
}

/// A channel of tokio, which has one receiver.
pub(crate) struct Mpsc;

#[derive(Clone)]
pub(crate) enum MpscSender {
    Bounded(mpsc::Sender<MessageEnvelope>),
    Unbounded(mpsc::UnboundedSender<MessageEnvelope>),
}

pub(crate) enum MpscReceiver {
    Bounded(mpsc::Receiver<MessageEnvelope>),
    Unbounded(mpsc::UnboundedReceiver<MessageEnvelope>),
}

impl Sender for MpscSender {
    async fn send(&self, message: MessageEnvelope) {
        match self {
            Self::Bounded(sender) => sender.send(message).await.unwrap(),
            Self::Unbounded(sender) => sender.send(message).unwrap(),
        }
    }
}

impl Receiver for MpscReceiver {
    async fn receive(&mut self) -> MessageEnvelope {
        match self {
            Self::Bounded(receiver) => receiver.recv().await.unwrap(),
            Self::Unbounded(receiver) => receiver.recv().await.unwrap(),
        }
    }
}

impl Contender for Mpsc {
    const NAME: &'static str = "tokio::sync::mpsc";
    type Sender = MpscSender;
    type Receiver = MpscReceiver;

    fn make(bound: Option<usize>, receivers: usize) -> Option<(MpscSender, Vec<MpscReceiver>)> {
        if receivers > 1 {
            return None;
        }
        let (sender, receiver) = match bound {
            Some(bound) => {
                let (sender, receiver) = mpsc::channel(bound);
                (MpscSender::Bounded(sender), MpscReceiver::Bounded(receiver))
            }
            None => {
                let (sender, receiver) = mpsc::unbounded_channel();
                (MpscSender::Unbounded(sender), MpscReceiver::Unbounded(receiver))
            }
        };
        Some((sender, vec![receiver]))
    }
}

pub(crate) struct AsyncChannel;

impl Sender for async_channel::Sender<MessageEnvelope> {
    async fn send(&self, message: MessageEnvelope) {
        async_channel::Sender::send(self, message).await.unwrap();
    }
}

impl Receiver for async_channel::Receiver<MessageEnvelope> {
    async fn receive(&mut self) -> MessageEnvelope {
        self.recv().await.unwrap()
    }
}

impl Contender for AsyncChannel {
    const NAME: &'static str = "async-channel";
    type Sender = async_channel::Sender<MessageEnvelope>;
    type Receiver = async_channel::Receiver<MessageEnvelope>;

    fn make(bound: Option<usize>, receivers: usize) -> Option<(Self::Sender, Vec<Self::Receiver>)> {
        let (sender, receiver) = bound.map_or_else(async_channel::unbounded, async_channel::bounded);
        Some((sender, vec![receiver; receivers]))
    }
}

pub(crate) struct Flume;

impl Sender for flume::Sender<MessageEnvelope> {
    async fn send(&self, message: MessageEnvelope) {
        self.send_async(message).await.unwrap();
    }
}

impl Receiver for flume::Receiver<MessageEnvelope> {
    async fn receive(&mut self) -> MessageEnvelope {
        self.recv_async().await.unwrap()
    }
}

impl Contender for Flume {
    const NAME: &'static str = "flume";
    type Sender = flume::Sender<MessageEnvelope>;
    type Receiver = flume::Receiver<MessageEnvelope>;

    fn make(bound: Option<usize>, receivers: usize) -> Option<(Self::Sender, Vec<Self::Receiver>)> {
        let (sender, receiver) = bound.map_or_else(flume::unbounded, flume::bounded);
        Some((sender, vec![receiver; receivers]))
    }
}
