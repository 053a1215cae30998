use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, LazyLock, Mutex as StdMutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use paho_mqtt::{
    AsyncClient, ConnectOptions, ConnectOptionsBuilder, ConnectReturnCode, CreateOptionsBuilder,
    DeliveryToken, Error, MessageBuilder, MqttVersion as PahoVersion, PersistenceType, Properties,
    QoS as PahoQoS,
};
use tokio::{
    sync::{
        Mutex,
        mpsc::{self, UnboundedSender},
        oneshot,
    },
    time::{Instant, timeout},
};

use super::{
    ClientError, Delivery, Event, Events, MessageProperties, Publication,
    answers::{Answer, Answers},
    backlog::Backlog,
    connect_packet::{Greeting, Session, one_time_secret},
    entrance::Entrance,
    guard::Guard,
    properties::{from_paho, reason, seconds, to_paho},
    relay::{Guarded, Relay, reach},
};
use crate::{
    options::{ConnectionOptions, LONGEST_KEEPALIVE, MqttVersion, QoS, Will},
    resolver::User,
    secret::Secret,
    transport::{Transport, TransportError},
};

/// More than any caller keeps in flight, so that the client never refuses a message for want of room.
const MAX_BUFFERED: i32 = 100_000;

/// A filter of nobody's, for the end of a subscription that there never was.
const UNUSED_FILTER: &str = "pip-services/nobody";

/// Never connected and never dropped. When a process's last client goes and another is made, the C library
/// leaks two descriptors; with this one the last never goes.
static ANCHOR: LazyLock<Result<AsyncClient, Error>> = LazyLock::new(|| AsyncClient::new("tcp://127.0.0.1:1"));

/// A client of the C library, for one connection after another to the same broker.
///
/// The library runs all callbacks of the process on two threads, so callbacks here only push to a channel.
pub(crate) struct Client {
    /// Another one for each connection, which believes that its session is clean: what was in flight fails with
    /// it. What a session that the broker keeps needs over all connections, the relay does. In a client that goes
    /// on, the library begins its numbers of messages anew although older messages, which it sends at last, have
    /// theirs: the second of two acknowledgements of such a message would be taken for that of a new one. And
    /// where one client of a process comes back to a session, it sends again what is in flight of them all.
    line: ArcSwapOption<Line>,
    client_id: String,
    version: MqttVersion,
    events: UnboundedSender<Event>,
    backlog: Arc<Backlog>,
    /// Ends when the library has let go of the last attempt to connect. Until then it holds a handle of the
    /// client, which must not be the last one: dropped on the library's thread, it deadlocks every client
    /// of the process.
    attempt: Mutex<Option<Attempt>>,
    /// Of a session that the broker keeps.
    guard: Arc<Guard>,
    /// What the library is connected to, or was last.
    relay: StdMutex<Option<Relay>>,
}

/// What belongs to one connection.
struct Line {
    /// Each has another one, from 1 on.
    number: u64,
    client: AsyncClient,
    answers: Arc<Answers>,
}

type Attempt = oneshot::Receiver<()>;

impl Client {
    /// A client that is not connected, and what it tells.
    pub(crate) fn new(client_id: &str, version: MqttVersion) -> (Self, Events) {
        let (events, receiver) = mpsc::unbounded_channel();
        let client = Self {
            line: ArcSwapOption::empty(),
            client_id: client_id.to_owned(),
            version,
            events,
            backlog: Arc::default(),
            attempt: Mutex::default(),
            guard: Arc::default(),
            relay: StdMutex::default(),
        };
        (client, receiver)
    }

    /// Connects to the broker at that address, giving up after `limit`. True: the broker kept the session of this client.
    ///
    /// When the future is dropped midway, the attempt goes on; the next one waits for its end.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        transport: &Arc<Transport>,
        user: &User,
        options: &ConnectionOptions,
        limit: Duration,
    ) -> Result<bool, ClientError> {
        let mut attempt = self.attempt.lock().await;
        if let Some(earlier) = &mut *attempt {
            let _ = earlier.await;
            *attempt = None;
        }
        if let Some(line) = self.line.load_full().filter(|line| line.client.is_connected()) {
            // The attempt before was given up, and succeeded after all.
            let _ = line.client.disconnect(None).await;
        }
        if let Some(relay) = self.take_relay() {
            relay.end().await;
        }
        let number = self.connection() + 1;
        let library = library_client(&self.client_id, self.version, number, &self.events, &self.backlog)?;
        let line = Arc::new(Line { number, client: library, answers: Arc::default() });
        self.line.store(Some(line.clone()));
        let start = Instant::now();
        let broker = timeout(limit, reach(transport.clone(), address))
            .await
            .map_err(|_| TransportError::silent())?
            .map_err(no_relay)??;
        let limit = limit.saturating_sub(start.elapsed());
        let entrance = Entrance::open().await.map_err(no_relay)?;
        let greeting = Greeting {
            secret: one_time_secret().map_err(no_relay)?,
            password: user.password.clone(),
            session: session(options),
            keep_alive: keep_alive(options.keepalive_timeout),
        };
        let guarded = (!options.clean_session).then(|| Guarded {
            guard: self.guard.clone(),
            connection: self.guard.connect(address),
            has_properties: self.version == MqttVersion::V5,
        });
        let (held, released) = oneshot::channel::<()>();
        *attempt = Some(released);

        let events = self.events.clone();
        let mut token = line.client.connect_with_callbacks(
            connect_options(entrance.address, &greeting.secret, user, options, limit),
            move |_, _| {
                let _ = events.send(Event::Connected);
            },
            // The library's token drops its handle of the client before this closure: when `held` is gone, so
            // is the handle.
            move |_, _, _| {
                let _ = &held;
            },
        );
        let mut is_silent = false;
        let outcome = tokio::select! {
            // It fails when it comes first: connected it can only be through the relay.
            outcome = &mut token => outcome,
            relay = entrance.admit(
                broker, greeting, guarded, self.backlog.clone(), line.answers.clone(), self.events.clone(),
            ) => {
                *self.relay() = Some(relay.map_err(no_relay)?);
                // The library looks at its clock seconds later.
                match timeout(limit, &mut token).await {
                    Ok(outcome) => outcome,
                    Err(_) => {
                        is_silent = true;
                        self.take_relay().into_iter().for_each(Relay::give_up);
                        (&mut token).await
                    }
                }
            }
        };
        // It holds what is waited for.
        drop(token);
        if let Some(released) = &mut *attempt {
            let _ = released.await;
        }
        *attempt = None;
        match outcome {
            _ if is_silent => Err(ClientError::Cut(TransportError::silent())),
            Ok(response) => Ok(response.connect_response().is_some_and(|response| response.session_present)),
            Err(error) => {
                let why = self.relay().as_ref().and_then(Relay::why_lost);
                Err(why.map_or_else(|| connect_error(error), ClientError::Cut))
            }
        }
    }

    /// The number of the connection, or of the last attempt to make one. Zero before the first.
    pub(crate) fn connection(&self) -> u64 {
        self.line.load().as_ref().map_or(0, |line| line.number)
    }

    /// Hands a message to the client, which one caller does at a time. What it gives ends when the message is written (QoS 0) or acknowledged.
    pub(crate) fn publish(&self, publication: &Publication<'_>) -> Result<PublishAck, ClientError> {
        let Publication { topic, payload, qos, retain, properties } = publication;
        let properties = match self.version {
            MqttVersion::V5 => to_paho(properties)?,
            MqttVersion::V3_1_1 => Properties::new(),
        };
        // With room for what ends it in C.
        let mut terminated = String::with_capacity(topic.len() + 1);
        terminated.push_str(topic);
        let message = MessageBuilder::new()
            .topic(terminated)
            .payload(payload.as_ref())
            .qos(paho_qos(*qos))
            .retained(*retain)
            .properties(properties)
            .finalize();
        let line = self.line.load();
        let line = line.as_ref().ok_or(ClientError::Disconnected)?;
        let answer = (*qos != QoS::AtMostOnce).then(|| line.answers.give(*qos));
        match line.client.try_publish(message) {
            Ok(token) => Ok(PublishAck { answer, token }),
            Err(error) => {
                answer.into_iter().for_each(Answer::take_back);
                Err(failed(error))
            }
        }
    }

    /// Subscribes, and waits for the broker's grant, which can be of less than what is asked for.
    pub(crate) async fn subscribe(&self, filter: &str, qos: QoS) -> Result<QoS, ClientError> {
        let line = self.line()?;
        match line.client.subscribe(filter, paho_qos(qos)).await {
            Ok(response) => Ok(match response.subscribe_response() {
                Some(0) => QoS::AtMostOnce,
                Some(1) => QoS::AtLeastOnce,
                _ => qos,
            }),
            // The library has one error for a refusal and for a connection that broke meanwhile.
            Err(Error::Failure) if line.client.is_connected() => {
                Err(ClientError::Failed("the broker refused it".into()))
            }
            Err(Error::Failure) => Err(ClientError::Disconnected),
            Err(error) => Err(failed(error)),
        }
    }

    /// Unsubscribes, and waits for the broker's answer. It is an event as well, behind the messages before it.
    pub(crate) async fn unsubscribe(&self, filter: &str) -> Result<(), ClientError> {
        let answer = self.line()?.client.unsubscribe(filter).await.map(|_| ()).map_err(failed);
        if !matches!(answer, Err(ClientError::Disconnected)) {
            let _ = self.events.send(Event::Unsubscribed(filter.to_owned()));
        }
        answer
    }

    /// Waits until the broker has read all that was published before, at QoS 0 as well: it answers what comes behind that.
    ///
    /// A connection that is closed earlier can lose it. Where a side of it has something unread, as messages to this client
    /// are, or gets something more, the system takes back what the other side has not read.
    pub(crate) async fn flush(&self) -> Result<(), ClientError> {
        // Of what every broker answers and a client of the library can send, this alone changes nothing.
        self.line()?.client.unsubscribe(UNUSED_FILTER).await.map(|_| ()).map_err(failed)
    }

    /// Somebody listens to what comes of a kept session, which is not confirmed to the broker before.
    pub(crate) fn accept(&self) {
        self.guard.accept();
    }

    /// Takes no more messages of a kept session, which the broker sends again on another connection, and waits until those
    /// that were taken are on no way to their listeners any more.
    pub(crate) async fn stop_intake(&self) {
        self.guard.stop().await;
        self.backlog.empty().await;
    }

    /// Disconnects, without waiting for acknowledgements. What is written before is on its way to the broker then, and
    /// no message that came is on its way to a listener: it would find those of the next connection.
    pub(crate) async fn disconnect(&self) {
        let relay = self.take_relay();
        if let Ok(line) = self.line() {
            // An error means that there is no connection.
            if let (Ok(_), Some(mut relay)) = (line.client.disconnect(None).await, relay) {
                relay.delivered().await;
            }
        }
        self.backlog.empty().await;
    }

    fn line(&self) -> Result<Arc<Line>, ClientError> {
        self.line.load_full().ok_or(ClientError::Disconnected)
    }

    fn relay(&self) -> MutexGuard<'_, Option<Relay>> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_relay(&self) -> Option<Relay> {
        self.relay().take()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some(attempt) = self.attempt.get_mut().take() else {
            return;
        };
        let line = self.line.load_full();
        let kept = line.clone();
        // An attempt that was given up still holds a handle; outlive it. The library ends it by its timeout.
        let outlive = move || {
            let _ = attempt.blocking_recv();
            drop(line);
        };
        if std::thread::Builder::new().name("mqtt-client-drop".into()).spawn(outlive).is_err() {
            // Nobody outlives the attempt then. A leaked client is better than a deadlock of all of them.
            std::mem::forget(kept);
        }
    }
}

/// Ends when the broker has the message, or with the reason why that is not known.
pub(crate) struct PublishAck {
    /// At QoS 1 and 2.
    answer: Option<Answer>,
    token: DeliveryToken,
}

impl Future for PublishAck {
    type Output = Result<(), ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(answer) = &self.answer
            && ready!(answer.poll(cx))
        {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.token).poll(cx).map_err(failed)
    }
}

/// A client of the library that pushes what happens to the channel, for the connection of that number.
fn library_client(
    client_id: &str,
    version: MqttVersion,
    number: u64,
    events: &UnboundedSender<Event>,
    backlog: &Arc<Backlog>,
) -> Result<AsyncClient, ClientError> {
    LazyLock::force(&ANCHOR);
    let options = CreateOptionsBuilder::new()
        // Each attempt names its server; the library wants one here as well.
        .server_uri("tcp://127.0.0.1:1")
        .client_id(client_id)
        .mqtt_version(paho_version(version))
        .persistence(PersistenceType::None)
        .max_buffered_messages(MAX_BUFFERED)
        .finalize();
    let client = AsyncClient::new(options).map_err(failed)?;

    // Before the first connect: messages of a kept session can arrive before it returns.
    let (sender, backlog) = (events.clone(), backlog.clone());
    let has_properties = version == MqttVersion::V5;
    client.set_message_callback(move |_, message| {
        // The library also calls with no message, when the connection ends.
        if let Some(message) = message {
            let delivery = Delivery {
                topic: message.topic().to_owned(),
                payload: Bytes::copy_from_slice(message.payload()),
                properties: match has_properties {
                    true => from_paho(message.properties()),
                    false => MessageProperties::default(),
                },
            };
            let waiting = backlog.add(&delivery);
            let confirmed_on = (message.qos() != PahoQoS::AtMostOnce).then_some(number);
            let _ = sender.send(Event::Message { delivery, waiting, confirmed_on });
        }
    });
    let sender = events.clone();
    client.set_connection_lost_callback(move |_| {
        let _ = sender.send(Event::Disconnected(number, None));
    });
    let sender = events.clone();
    // Instead of the one above where the broker says goodbye, which only version 5 has.
    client.set_disconnected_callback(move |_, properties, code| {
        let _ = sender.send(Event::Disconnected(number, Some(reason(code, &properties))));
    });
    Ok(client)
}

/// What the broker is to do with the session.
fn session(options: &ConnectionOptions) -> Session {
    match (options.clean_session, options.version) {
        (true, _) => Session::Clean,
        (false, MqttVersion::V3_1_1) => Session::Kept(None),
        (false, MqttVersion::V5) => Session::Kept(Some(options.session_expiry.map_or(u32::MAX, seconds))),
    }
}

fn connect_options(
    address: SocketAddr,
    secret: &Secret,
    user: &User,
    options: &ConnectionOptions,
    limit: Duration,
) -> ConnectOptions {
    // With its default version the library tries again with 3.1, also after wrong credentials.
    let mut builder = ConnectOptionsBuilder::with_mqtt_version(paho_version(options.version));
    match options.version {
        MqttVersion::V3_1_1 => builder.clean_session(true),
        MqttVersion::V5 => builder.clean_start(true),
    };
    builder
        .server_uris(&[format!("tcp://{address}")])
        // The relay looks whether the broker is there: the library takes a slow way to it for the end.
        .keep_alive_interval(LONGEST_KEEPALIVE)
        .connect_timeout(whole_seconds(limit))
        .max_inflight(MAX_BUFFERED)
        // The relay puts the password in its place: the library would log that.
        .password(secret.expose());
    if let Some(name) = &user.name {
        builder.user_name(name);
    }
    if let Some(Will { topic, payload, qos, retain }) = &options.will {
        let will = MessageBuilder::new().topic(topic).payload(payload.as_ref()).qos(paho_qos(*qos));
        builder.will_message(will.retained(*retain).finalize());
    }
    builder.finalize()
}

fn paho_version(version: MqttVersion) -> PahoVersion {
    match version {
        MqttVersion::V3_1_1 => PahoVersion::V3_1_1,
        MqttVersion::V5 => PahoVersion::V5,
    }
}

/// The library counts whole seconds, of which none would mean something else.
pub(super) fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX))
}

/// The seconds between signs of life. The longest time stands for never.
fn keep_alive(time: Duration) -> u16 {
    if time.is_zero() { u16::MAX } else { whole_seconds(time).as_secs().try_into().unwrap_or(u16::MAX) }
}

fn paho_qos(qos: QoS) -> PahoQoS {
    match qos {
        QoS::AtMostOnce => PahoQoS::AtMostOnce,
        QoS::AtLeastOnce => PahoQoS::AtLeastOnce,
        QoS::ExactlyOnce => PahoQoS::ExactlyOnce,
    }
}

fn connect_error(error: Error) -> ClientError {
    use ConnectReturnCode::{BadUserNameOrPassword, NotAuthorized};
    match error {
        Error::ConnectReturn(code @ (BadUserNameOrPassword | NotAuthorized)) => {
            ClientError::Unauthorized(code.to_string())
        }
        Error::ConnectReturn(code) => ClientError::Refused(code.to_string()),
        Error::ReasonCode(code, properties) => {
            let reason = reason(code, &properties);
            match reason.is_unauthorized() {
                true => ClientError::Unauthorized(reason.to_string()),
                false => ClientError::Refused(reason.to_string()),
            }
        }
        // Here it only says that nothing answers at the address.
        Error::Failure | Error::Disconnected => ClientError::Failed("no broker answers there".into()),
        // The library's own connection, to the relay, was made: the broker's has ended since.
        Error::TcpConnectCompletionFailure => ClientError::Unanswered,
        error => failed(error),
    }
}

fn no_relay(error: io::Error) -> ClientError {
    ClientError::Failed(format!("the way to the broker cannot be set up: {error}"))
}

pub(super) fn failed(error: Error) -> ClientError {
    match error {
        Error::Disconnected | Error::OperationIncomplete => ClientError::Disconnected,
        Error::ReasonCode(code, properties) => ClientError::Reason(reason(code, &properties)),
        Error::Publish(code, _) => failed(Error::from_return_code(code)),
        error => ClientError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use pip_services_commons::config::ConfigParams;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::transport::Opened;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn an_intruder_who_is_at_the_entrance_first_gets_nothing_and_the_client_gets_in() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut broker, _) = listener.accept().await.unwrap();
        let entrance = Entrance::open().await.unwrap();
        let mut intruder = TcpStream::connect(entrance.address).await.unwrap();
        // It knows the user name.
        intruder.write_all(b"\x10\x12\0\x04MQTT\x04\x82\0\x3c\0\x02no\0\x02me").await.unwrap();

        let (events, _receiver) = mpsc::unbounded_channel();
        let backlog = Arc::default();
        let client = library_client("yes", MqttVersion::V3_1_1, 1, &events, &backlog).unwrap();
        let options = ConnectionOptions::from_config(&ConfigParams::new()).unwrap();
        let user = User { name: Some("me".into()), password: Some(Secret::new("real")), ..User::default() };
        let greeting = Greeting {
            secret: one_time_secret().unwrap(),
            password: user.password.clone(),
            session: session(&options),
            keep_alive: 60,
        };
        let token =
            client.connect(connect_options(entrance.address, &greeting.secret, &user, &options, SOON));
        let broker_side = Opened::plain(way);
        let admitted = entrance.admit(broker_side, greeting, None, backlog, Arc::default(), events.clone());
        let _relay = timeout(SOON, admitted).await.unwrap().unwrap();

        let mut connect = [0; 27];
        timeout(SOON, broker.read_exact(&mut connect)).await.unwrap().unwrap();
        assert!(connect.ends_with(b"\0\x03yes\0\x02me\0\x04real"), "{connect:?}");
        broker.write_all(b"\x20\x02\0\0").await.unwrap();
        token.await.unwrap();
        let mut got = Vec::new();
        // Reset, or closed.
        let _ = timeout(SOON, intruder.read_to_end(&mut got)).await.expect("it is still there");
        assert!(got.is_empty());
        client.disconnect(None).await.unwrap();
    }

    #[test]
    fn a_broker_hears_something_at_least_so_often_in_whole_seconds_and_zero_is_the_longest_time() {
        for (ms, seconds) in [(0, u16::MAX), (1, 1), (1000, 1), (1001, 2), (65_535_000, u16::MAX)] {
            assert_eq!(keep_alive(Duration::from_millis(ms)), seconds, "{ms}");
        }
    }
}
