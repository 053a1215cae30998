use std::collections::VecDeque;

use paho_mqtt::{
    AsyncClient, ConnectOptionsBuilder, CreateOptionsBuilder, Message, MqttVersion, PersistenceType,
};

use super::{Contender, Handler, Sender, payload};
use crate::{
    job::{Link, Pace, Reception},
    outcome::Outcome,
};

/// The client crate that this project stands on.
pub(crate) struct Paho;

impl Paho {
    pub(crate) const NAME: &str = "paho-mqtt";

    /// How many messages of that size on their way at once suit it best, one of these. With few small ones its threads often have
    /// nothing to do. What its socket does not take at once goes on when the client receives something, or up to a second
    /// later, so with large ones fewer are better.
    pub(super) fn windows(payload: usize) -> [usize; 2] {
        match payload {
            ..1_000 => [100, 1_000],
            1_000..10_000 => [4, 100],
            10_000.. => [1, 4],
        }
    }
}

impl Contender for Paho {
    type Sender = PahoSender;
    type Receiver = AsyncClient;

    async fn sender(link: &Link, pace: Pace) -> Outcome<PahoSender> {
        let client = client(link, "sender")?;
        connect(&client).await?;
        Ok(PahoSender {
            client,
            topics: link.topics(),
            fence: link.fence(),
            qos: link.qos.into(),
            payload: payload(link),
            window: pace.window(),
        })
    }

    async fn receiver(link: &Link, how: Reception, handler: Handler) -> Outcome<AsyncClient> {
        let mut client = client(link, "receiver")?;
        match how {
            // Nothing is faster than to do the work on the library's thread.
            Reception::Listen => client.set_message_callback(move |_, message| {
                if let Some(message) = message {
                    handler(message.payload().len());
                }
            }),
            Reception::Receive => {
                let stream = client.get_stream(None);
                tokio::spawn(async move {
                    while let Ok(received) = stream.recv().await {
                        if let Some(message) = received {
                            handler(message.payload().len());
                        }
                    }
                });
            }
        }
        connect(&client).await?;
        for topic in link.topics() {
            client.subscribe(topic, i32::from(link.qos)).await?;
        }
        Ok(client)
    }
}

pub(crate) struct PahoSender {
    client: AsyncClient,
    topics: Vec<String>,
    fence: String,
    qos: i32,
    payload: Vec<u8>,
    window: usize,
}

impl PahoSender {
    fn message(&self, number: usize) -> Message {
        Message::new(self.topics[number % self.topics.len()].as_str(), self.payload.as_slice(), self.qos)
    }
}

impl Sender for PahoSender {
    async fn send(&self, messages: usize) -> Outcome<()> {
        let mut sending = VecDeque::with_capacity(self.window);
        for number in 0..messages {
            sending.push_back(self.client.try_publish(self.message(number))?);
            if sending.len() >= self.window
                && let Some(oldest) = sending.pop_front()
            {
                oldest.await?;
            }
        }
        for token in sending {
            token.await?;
        }
        Ok(())
    }

    async fn fence(&self) -> Outcome<()> {
        let message = Message::new(self.fence.as_str(), self.payload.as_slice(), 1);
        Ok(self.client.try_publish(message)?.await?)
    }
}

fn client(link: &Link, role: &str) -> Outcome<AsyncClient> {
    let options = CreateOptionsBuilder::new()
        .server_uri(format!("tcp://127.0.0.1:{}", link.port))
        .client_id(format!("{}-{role}", link.topic))
        .mqtt_version(MqttVersion::V3_1_1)
        .persistence(PersistenceType::None)
        .max_buffered_messages(100_000)
        .finalize();
    Ok(AsyncClient::new(options)?)
}

async fn connect(client: &AsyncClient) -> Outcome<()> {
    let options = ConnectOptionsBuilder::with_mqtt_version(MqttVersion::V3_1_1)
        .clean_session(true)
        .max_inflight(100_000)
        .finalize();
    client.connect(options).await?;
    Ok(())
}
