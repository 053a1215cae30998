//! The way between the client and the broker.

mod downward;
mod signs;
mod upward;

use std::{
    future, io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, LazyLock, OnceLock},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt, copy, sink, split},
    net::TcpStream,
    runtime::{self, Handle},
    sync::{Notify, mpsc::UnboundedSender, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use self::signs::Signs;
use super::{
    Event,
    answers::{Answered, Answers, EndOfAnswers, Written},
    backlog::Backlog,
    connect_packet,
    guard::{Downward, Guard, Upward},
    readable::{Readable, Reports},
    replies::Replies,
};
use crate::transport::{Opened, Transport, TransportError};

/// How long what is on its way may take when nobody waits for it any more.
const GRACE: Duration = Duration::from_secs(1);

/// As much as one system call moves.
const BUFFER: usize = 64 * 1024;

/// Relays run on a thread of their own, so that none ends with the runtime of a caller: see [`Relay`].
static RUNTIME: LazyLock<io::Result<Handle>> = LazyLock::new(|| {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let serve = move || runtime.block_on(future::pending::<()>());
    thread::Builder::new().name("mqtt-relay".into()).spawn(serve)?;
    Ok(handle)
});

pub(super) fn runtime() -> io::Result<&'static Handle> {
    RUNTIME.as_ref().map_err(|error| io::Error::from(error.kind()))
}

/// Connects to the broker on the relays' thread, which the sockets belong to from then on.
pub(super) async fn reach(
    transport: Arc<Transport>,
    address: SocketAddr,
) -> io::Result<Result<Opened, TransportError>> {
    let (mut give, opened) = oneshot::channel();
    runtime()?.spawn(async move {
        tokio::select! {
            opened = transport.connect(address) => drop(give.send(opened)),
            () = give.closed() => {}
        }
    });
    opened.await.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// A connection of a session that the broker keeps.
pub(super) struct Guarded {
    pub(super) guard: Arc<Guard>,
    pub(super) connection: u64,
    pub(super) has_properties: bool,
}

/// What is beyond the relay, seen from the client.
pub(super) struct Way {
    /// The first packet.
    pub(super) connect: Vec<u8>,
    /// How long after its last sign of life the broker is asked for one. Zero stands for never.
    pub(super) keep_alive: Duration,
    pub(super) broker: Opened,
    pub(super) guard: Option<Guarded>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) answers: Arc<Answers>,
    pub(super) events: UnboundedSender<Event>,
}

/// Passes on what the client and the broker write to each other, and keeps from the client that the broker
/// resets a connection.
///
/// The C library frees a message at QoS 1 or 2 twice whose write fails, which ends the process. Here no write
/// fails: when the broker is lost, the client reads the end of the stream, and what it still writes is taken
/// and dropped until it closes its side. So the client's socket must be open longer than the client's own.
pub(super) struct Relay {
    /// Gone with this handle, or sent, which cuts the connection to the broker.
    kept: oneshot::Sender<()>,
    delivered: oneshot::Receiver<()>,
    ended: oneshot::Receiver<()>,
    lost: Arc<OnceLock<io::Error>>,
}

impl Relay {
    pub(super) fn start(client: TcpStream, way: Way) -> io::Result<Self> {
        client.set_nodelay(true)?;
        // Sockets belong to the runtime that they were made in.
        let client = client.into_std()?;
        let handle = runtime()?;
        let _entered = handle.enter();
        let client = TcpStream::from_std(client)?;
        let (kept, cut) = oneshot::channel();
        let (deliver, delivered) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let lost = Arc::new(OnceLock::new());
        let end_of_answers = EndOfAnswers(way.answers.clone());
        let relaying = relay(client, way, cut, deliver, lost.clone());
        handle.spawn(async move {
            relaying.await;
            drop(end_of_answers);
            drop(end);
        });
        Ok(Self { kept, delivered, ended, lost })
    }

    /// What the transport says about the end of the connection to the broker.
    pub(super) fn why_lost(&self) -> Option<TransportError> {
        self.lost.get().and_then(TransportError::from_lost)
    }

    /// Cuts the connection to the broker at once.
    pub(super) fn give_up(self) {
        let _ = self.kept.send(());
    }

    /// Waits until the client has closed its side, and what it wrote is on its way to the broker.
    pub(super) async fn delivered(&mut self) {
        let _ = (&mut self.delivered).await;
    }

    /// Cuts the connection to the broker, and waits a while until all is read that the client wrote. So nothing of this
    /// connection is confirmed when there is another.
    pub(super) async fn end(self) {
        drop(self.kept);
        let _ = timeout(2 * GRACE, self.ended).await;
    }
}

/// What the two directions share.
struct Shared {
    /// What is written to the broker besides what the client writes.
    replies: Arc<Replies>,
    /// The client may wait to go on writing.
    prod: Notify,
    signs: Signs,
}

async fn relay(
    client: TcpStream,
    Way { connect, keep_alive, broker, guard, backlog, answers, events }: Way,
    mut cut: oneshot::Receiver<()>,
    deliver: oneshot::Sender<()>,
    lost: Arc<OnceLock<io::Error>>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let traffic = broker.traffic.clone();
    let signs = Signs::new(traffic.clone(), keep_alive);
    let shared = Shared { signs, replies: Arc::default(), prod: Notify::new() };
    let greeted = tokio::select! {
        greeted = broker.greet(&connect) => greeted,
        _ = &mut cut => Err(io::ErrorKind::Interrupted.into()),
    };
    let broker = match greeted {
        Ok(broker) => broker,
        Err(error) => {
            let _ = lost.set(error);
            let _ = to_client.shutdown().await;
            let _ = copy(&mut from_client, &mut sink()).await;
            return;
        }
    };
    let (from_broker, to_broker) = split(broker);
    let replies = &shared.replies;
    let (up, down) = match guard {
        Some(Guarded { guard, connection, has_properties }) => (
            Some(Upward::new(guard.clone(), connection, replies.clone())),
            Some(Downward::new(guard, replies.clone(), has_properties)),
        ),
        None => (None, None),
    };
    let reports = Reports { events, backlog };
    let down =
        Readable::new(down, connect_packet::has_properties(&connect), replies.clone(), reports.clone());
    let (up, down) = (Written::new(answers.clone(), up), Answered::new(answers, Some(down)));
    let gone = CancellationToken::new();
    let mut upward = pin!(upward::pass_on(from_client, to_broker, up, &shared, &gone, deliver));
    // In a box, so that the broker's socket can go while what the client writes is still taken.
    let mut downward = Box::pin(async {
        if let Err(error) = downward::pass_on(from_broker, &mut to_client, down, &shared, &reports).await {
            // Before the client reads the end.
            let _ = lost.set(error);
        }
    });
    let is_closed = tokio::select! {
        // What has come is read before the broker is judged.
        biased;
        () = &mut upward => {
            // A socket that is closed with something unread takes back what was written to it.
            let _ = timeout(GRACE, &mut downward).await;
            true
        }
        () = &mut downward => false,
        () = shared.signs.end(replies) => false,
        // Who gives it up waits for nothing that is on its way.
        given_up = cut => {
            traffic.leave();
            given_up.is_err() && timeout(GRACE, &mut upward).await.is_ok()
        }
    };
    drop(downward);
    gone.cancel();
    let _ = to_client.shutdown().await;
    if !is_closed {
        upward.await;
    }
}

/// Writes one piece after the other. What cannot be written is dropped.
async fn write<'a>(to: &mut (impl AsyncWrite + Unpin), pieces: impl IntoIterator<Item = &'a [u8]>) {
    let mut is_written = false;
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        is_written = true;
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
    if is_written {
        // What encrypts holds back what does not fill its buffer.
        let _ = to.flush().await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncRead, AsyncReadExt},
        net::TcpListener,
        sync::mpsc::unbounded_channel,
    };

    use super::*;
    use crate::{
        client::{
            answers::Answer,
            connect_packet::{Greeting, Session},
            entrance::Entrance,
        },
        options::QoS,
        secret::Secret,
        transport::Traffic,
    };

    const SOON: Duration = Duration::from_secs(20);

    /// With the password `key`, and without it.
    const KNOCK: &[u8] = b"\x10\x11\0\x04MQTT\x04\x42\0\0\0\0\0\x03key";
    const CONNECT: &[u8] = b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0";

    /// A broker's sign of life.
    const ALIVE: &[u8] = b"\xd0\0";

    /// Without signs of life.
    fn greeting() -> Greeting {
        let secret = Secret::new("key");
        Greeting { secret, password: None, session: Session::Clean, keep_alive: 0 }
    }

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (one, listener.accept().await.unwrap().0)
    }

    async fn relayed() -> (TcpStream, Relay, TcpStream) {
        relayed_with(None, Arc::default()).await
    }

    async fn relayed_with(guard: Option<Guarded>, backlog: Arc<Backlog>) -> (TcpStream, Relay, TcpStream) {
        relayed_for(guard, backlog, Arc::default()).await
    }

    async fn relayed_for(
        guard: Option<Guarded>,
        backlog: Arc<Backlog>,
        answers: Arc<Answers>,
    ) -> (TcpStream, Relay, TcpStream) {
        let (client, relay, mut broker) = relayed_as(greeting(), guard, backlog, answers).await;
        assert_eq!(read::<{ CONNECT.len() }>(&mut broker).await, CONNECT);
        (client, relay, broker)
    }

    async fn relayed_as(
        greeting: Greeting,
        guard: Option<Guarded>,
        backlog: Arc<Backlog>,
        answers: Arc<Answers>,
    ) -> (TcpStream, Relay, TcpStream) {
        let (to_broker, broker) = connected().await;
        let entrance = Entrance::open().await.unwrap();
        let mut client = TcpStream::connect(entrance.address).await.unwrap();
        client.write_all(KNOCK).await.unwrap();
        let opened = Opened::plain(to_broker);
        let (events, _) = unbounded_channel();
        let relay = entrance.admit(opened, greeting, guard, backlog, answers, events).await.unwrap();
        (client, relay, broker)
    }

    async fn read<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
        let mut read = [0; N];
        timeout(SOON, stream.read_exact(&mut read)).await.expect("nothing comes").unwrap();
        read
    }

    async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        timeout(SOON, stream.read_to_end(&mut read)).await.expect("the stream does not end")?;
        Ok(read)
    }

    #[tokio::test]
    async fn a_client_reads_the_end_and_can_still_write_when_the_broker_resets_the_connection() {
        let (mut client, _relay, mut broker) = relayed().await;
        broker.write_all(ALIVE).await.unwrap();
        assert_eq!(&read::<2>(&mut client).await, ALIVE);
        broker.set_zero_linger().unwrap();
        drop(broker);
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        for _ in 0..1000 {
            timeout(SOON, client.write_all(&[0; 10_000])).await.expect("nobody reads it").unwrap();
        }
    }

    #[tokio::test]
    async fn a_client_can_still_write_when_its_relay_is_cut_off() {
        let (mut client, relay, mut broker) = relayed().await;
        drop(relay);
        assert_eq!(read_to_end(&mut broker).await.unwrap(), b"");
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        for _ in 0..1000 {
            timeout(SOON, client.write_all(&[0; 10_000])).await.expect("nobody reads it").unwrap();
        }
    }

    #[tokio::test]
    async fn a_relay_that_is_cut_off_lets_go_of_a_broker_that_reads_nothing() {
        let (client, relay, mut broker) = relayed().await;
        let (mut from_relay, mut to_relay) = client.into_split();
        // More than the system takes.
        let long = [&b"\x30\xff\xff\xff\x7f\0\x01t"[..], &[0; 50_000_000]].concat();
        drop(relay);
        let writing = timeout(SOON, to_relay.write_all(&long));
        let (written, read) = tokio::join!(writing, read_to_end(&mut from_relay));
        written.expect("nobody reads it").unwrap();
        // But for what prods it.
        let read = read.unwrap();
        assert!(read.chunks(4).all(|packet| packet == b"\x40\x02\xff\xff"), "{read:?}");
        assert!(read_to_end(&mut broker).await.unwrap().len() < long.len());
    }

    #[tokio::test]
    async fn a_broker_has_to_wait_while_messages_wait_and_the_client_has_not() {
        let backlog: Arc<Backlog> = Arc::default();
        let (mut client, _relay, mut broker) = relayed_with(None, backlog.clone()).await;
        let waiting = [backlog.add_bytes(900_000), backlog.add_bytes(900_000)];
        let mut written = 0;
        while let Ok(length) = timeout(GRACE, broker.write(&ALIVE.repeat(50_000)[written % 2..])).await {
            written += length.unwrap();
        }
        // A whole packet: within one it would be prodded.
        client.write_all(b"\xc0\x04up\xc0\0").await.unwrap();
        let mut upward = [0; 6];
        timeout(SOON, broker.read_exact(&mut upward)).await.expect("it waits as well").unwrap();
        drop(waiting);
        let mut read = vec![0; written];
        timeout(SOON, client.read_exact(&mut read)).await.expect("it does not go on").unwrap();
        assert!(read.chunks(2).all(|packet| ALIVE.starts_with(packet)));
    }

    #[tokio::test]
    async fn what_a_client_wrote_before_it_closed_is_on_its_way_to_the_broker() {
        let (mut client, mut relay, mut broker) = relayed().await;
        // Never read by the client.
        broker.write_all(ALIVE).await.unwrap();
        client.readable().await.unwrap();
        // Not more than TCP takes at once: a close with something unread takes the rest back.
        client.write_all(&[7; 50_000]).await.unwrap();
        drop(client);
        timeout(SOON, relay.delivered()).await.unwrap();
        drop(relay);
        assert_eq!(read_to_end(&mut broker).await.unwrap(), [7; 50_000]);
    }

    #[tokio::test]
    async fn an_intruder_is_sent_away_and_the_client_let_in() {
        let (to_broker, mut broker) = connected().await;
        let entrance = Entrance::open().await.unwrap();
        let mut silent = TcpStream::connect(entrance.address).await.unwrap();
        let mut guessing = TcpStream::connect(entrance.address).await.unwrap();
        guessing.write_all(&KNOCK.to_ascii_uppercase()).await.unwrap();
        let mut client = TcpStream::connect(entrance.address).await.unwrap();
        client.write_all(KNOCK).await.unwrap();
        let opened = Opened::plain(to_broker);
        let greeting = Greeting { password: Some(Secret::new("real")), ..greeting() };
        let (backlog, answers, (events, _)) = (Arc::default(), Arc::default(), unbounded_channel());
        let _relay = entrance.admit(opened, greeting, None, backlog, answers, events).await.unwrap();
        let greeted = read::<{ KNOCK.len() + 1 }>(&mut broker).await;
        assert!(greeted.ends_with(b"real"));
        broker.write_all(ALIVE).await.unwrap();
        assert_eq!(&read::<2>(&mut client).await, ALIVE);
        for intruder in [&mut silent, &mut guessing] {
            assert_eq!(read_to_end(intruder).await.unwrap_or_default(), b"");
        }
    }

    #[tokio::test]
    async fn a_connection_ends_whose_sides_wait_for_each_other_to_read() {
        let greeting = Greeting { keep_alive: 1, ..greeting() };
        let (mut client, _relay, mut broker) =
            relayed_as(greeting, None, Arc::default(), Arc::default()).await;
        let long = [&b"\x30\xff\xff\xff\x7f\0\x01t"[..], &[0; 50_000_000]].concat();
        let (from_client, from_broker) = (client.write_all(&long), broker.write_all(&long));
        let (taken, ended) = timeout(SOON, async { tokio::join!(from_client, from_broker) })
            .await
            .expect("they wait for ever");
        assert!(taken.is_ok() && ended.is_err());
    }

    /// A connection of a kept session.
    fn guarded(guard: &Arc<Guard>) -> Option<Guarded> {
        let guard = guard.clone();
        let connection = guard.connect((Ipv4Addr::LOCALHOST, 1883).into());
        guard.accept();
        Some(Guarded { guard, connection, has_properties: false })
    }

    #[tokio::test]
    async fn what_the_client_confirms_when_the_broker_is_gone_is_not_handed_over_again() {
        let guard: Arc<Guard> = Arc::default();
        let kept = b"\x20\x02\x01\0";
        let (mut client, relay, mut broker) = relayed_with(guarded(&guard), Arc::default()).await;
        broker.write_all(kept).await.unwrap();
        broker.write_all(b"\x34\x06\0\x01t\0\x01a\x34\x06\0\x01t\0\x02b").await.unwrap();
        broker.set_zero_linger().unwrap();
        read::<4>(&mut client).await;
        assert_eq!(&read::<16>(&mut client).await, b"\x32\x06\0\x01t\0\x01a\x32\x06\0\x01t\0\x02b");
        drop(broker);
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        client.write_all(b"\x40\x02\0\x01").await.unwrap();
        drop(client);
        relay.end().await;

        let (mut client, _relay, mut broker) = relayed_with(guarded(&guard), Arc::default()).await;
        broker.write_all(kept).await.unwrap();
        broker.write_all(b"\x3c\x06\0\x01t\0\x01a\x3c\x06\0\x01t\0\x02b").await.unwrap();
        read::<4>(&mut client).await;
        assert_eq!(&read::<8>(&mut client).await, b"\x3a\x06\0\x01t\0\x02b");
        assert_eq!(&read::<4>(&mut broker).await, b"\x50\x02\0\x01");
    }

    #[tokio::test]
    async fn a_reply_waits_for_the_end_of_a_packet_of_the_client() {
        let (mut client, _relay, mut broker) = relayed_with(guarded(&Arc::default()), Arc::default()).await;
        client.write_all(b"\x30\x05\0\x01t").await.unwrap();
        assert_eq!(&read::<5>(&mut broker).await, b"\x30\x05\0\x01t");
        broker.write_all(&[b"\x62\x02\0\x09", ALIVE].concat()).await.unwrap();
        // It may be prodded first.
        while read::<2>(&mut client).await != ALIVE {
            assert_eq!(&read::<2>(&mut client).await, b"\xff\xff");
        }
        client.write_all(b"xy").await.unwrap();
        assert_eq!(&read::<6>(&mut broker).await, b"xy\x70\x02\0\x09");
    }

    #[tokio::test]
    async fn replies_go_before_what_the_client_writes_after_them() {
        for _ in 0..50 {
            let signs = Signs::new(Traffic::default(), Duration::ZERO);
            let shared = Shared { signs, replies: Arc::default(), prod: Notify::new() };
            let gone = CancellationToken::new();
            shared.replies.push(b"\x62\x02\0\x01");
            let message = b"\x34\x05\0\x01t\0\x01";
            let rules = Written::new(Arc::default(), None);
            let mut written = Vec::new();
            let deliver = oneshot::channel().0;
            upward::pass_on(&message[..], &mut written, rules, &shared, &gone, deliver).await;
            assert_eq!(written, [b"\x62\x02\0\x01", &message[..]].concat());
        }
    }

    const MESSAGE: &[u8] = b"\x32\x05\0\x01t\0\x01";
    const ACKNOWLEDGED: &[u8; 4] = b"\x40\x02\0\x01";

    async fn acknowledged(answer: Answer) -> bool {
        timeout(SOON, future::poll_fn(|context| answer.poll(context))).await.expect("nothing is known")
    }

    #[tokio::test]
    async fn an_acknowledgement_reaches_its_sender_and_the_client_between_two_packets() {
        let answers: Arc<Answers> = Arc::default();
        let (mut client, _relay, mut broker) = relayed_for(None, Arc::default(), answers.clone()).await;
        let answer = answers.give(QoS::AtLeastOnce);
        client.write_all(MESSAGE).await.unwrap();
        assert_eq!(&read::<7>(&mut broker).await, MESSAGE);
        broker.write_all(&[&ACKNOWLEDGED[..], b"\x30\x05\0\x01t"].concat()).await.unwrap();
        assert!(acknowledged(answer).await);
        assert_eq!(&read::<5>(&mut client).await, b"\x30\x05\0\x01t");
        broker.write_all(b"xy").await.unwrap();
        assert_eq!(&read::<6>(&mut client).await, b"xy\x40\x02\0\x01");
    }

    #[tokio::test]
    async fn a_sender_hears_of_the_end_of_a_connection() {
        let answers: Arc<Answers> = Arc::default();
        let (mut client, relay, mut broker) = relayed_for(None, Arc::default(), answers.clone()).await;
        let (one, other) = (answers.give(QoS::AtLeastOnce), answers.give(QoS::AtLeastOnce));
        client.write_all(MESSAGE).await.unwrap();
        assert_eq!(&read::<7>(&mut broker).await, MESSAGE);
        broker.write_all(ACKNOWLEDGED).await.unwrap();
        drop(broker);
        assert!(acknowledged(one).await);
        drop(client);
        relay.end().await;
        assert!(!acknowledged(other).await);
        assert!(!acknowledged(answers.give(QoS::AtLeastOnce)).await);
    }

    /// Half a packet, and whole ones of as many bytes as a socket may be full with.
    #[tokio::test]
    async fn a_client_that_may_wait_to_go_on_writing_is_given_something_to_read() {
        let whole = [&b"\x30\x80\x80\x02\0\x01t"[..], &[0; 0x8000 - 3]].concat();
        for written in [&whole[..10], &whole] {
            let (mut client, _relay, mut broker) = relayed().await;
            client.write_all(written).await.unwrap();
            assert_eq!(&read::<4>(&mut client).await, b"\x40\x02\xff\xff");
            let mut read = vec![0; written.len()];
            timeout(SOON, broker.read_exact(&mut read)).await.expect("nothing comes").unwrap();
        }
        let (mut client, _relay, mut broker) = relayed().await;
        client.write_all(MESSAGE).await.unwrap();
        assert_eq!(&read::<7>(&mut broker).await, MESSAGE);
        broker.write_all(b"\xd0\0").await.unwrap();
        assert_eq!(&read::<2>(&mut client).await, b"\xd0\0");
    }

    #[tokio::test]
    async fn it_is_so_as_well_while_the_broker_has_to_wait() {
        let backlog: Arc<Backlog> = Arc::default();
        let (mut client, _relay, _broker) = relayed_with(None, backlog.clone()).await;
        let _waiting = backlog.add_bytes(10_000_000);
        client.write_all(b"\x30\x80\x80\x02\0\x01t").await.unwrap();
        assert_eq!(&read::<4>(&mut client).await, b"\x40\x02\xff\xff");
    }
}
