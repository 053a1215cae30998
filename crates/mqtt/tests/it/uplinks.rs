use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pip_services_commons::run::IClosable;
use pip_services_messaging::IMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{MissedTickBehavior, interval},
};

#[cfg(all(feature = "tls", feature = "websocket"))]
use crate::certificates::{Authority, broker_as};
use crate::support::{message, next, open};

/// What goes up in one beat.
const PIECE: usize = 16 * 1024;

const BEAT: Duration = Duration::from_millis(25);

/// A way to a broker that is slow in one direction, and holds hardly more than what it has passed on.
struct Uplink {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Uplink {
    async fn to(broker: &TestBroker) -> Self {
        let broker = broker.address();
        let socket = TcpSocket::new_v4().unwrap();
        // For the connections that it accepts.
        socket.set_recv_buffer_size(PIECE as u32).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(16).unwrap();
        let address = listener.local_addr().unwrap();
        let connections: Arc<AtomicUsize> = Arc::default();
        tokio::spawn({
            let connections = connections.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::Relaxed);
                    let broker = TcpStream::connect(&broker).await.unwrap();
                    tokio::spawn(async move {
                        let ((from_client, mut to_client), (mut from_broker, to_broker)) =
                            (client.into_split(), broker.into_split());
                        tokio::select! {
                            () = climb(from_client, to_broker) => {}
                            _ = copy(&mut from_broker, &mut to_client) => {}
                        }
                    });
                }
            }
        });
        Self { address, connections }
    }
}

/// Passes on one piece in each beat.
async fn climb(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
        beats.tick().await;
    }
}

async fn comes_over_the_first_connection(broker: TestBroker, more: &[(&str, &str)]) {
    let uplink = Uplink::to(&broker).await;
    let port = uplink.address.port().to_string();
    let slow = [
        ("connection.port", &port[..]),
        ("options.keepalive_timeout", "1000"),
        ("options.send_timeout", "60000"),
        ("options.autosubscribe", "false"),
    ];
    let receiver = open(&broker, "orders", more).await;
    let sender = open(&broker, "orders", &[&slow[..], more].concat()).await;
    let large = "x".repeat(6_000_000);
    sender.send(None, message(&large)).await.unwrap();
    assert_eq!(uplink.connections.load(Ordering::Relaxed), 1);
    assert!(next(&receiver).await == large, "it came as another");
    sender.close(None).await.unwrap();
    receiver.close(None).await.unwrap();
}

/// What the system has taken it sends also when the connection is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_longer_than_a_close_comes_all_the_same() {
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let uplink = Uplink::to(&broker).await;
    let port = uplink.address.port().to_string();
    let receiver = open(&broker, "orders", &[]).await;
    let slow = [("connection.port", &port[..]), ("options.qos", "0"), ("options.autosubscribe", "false")];
    let sender = open(&broker, "orders", &slow).await;
    let large = "x".repeat(3_000_000);
    sender.send(None, message(&large)).await.unwrap();
    sender.close(None).await.unwrap();
    assert!(next(&receiver).await == large, "it came as another");
    receiver.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_takes_a_slow_network_long_comes_over_the_first_connection() {
    comes_over_the_first_connection(TestBroker::start(Engine::Mosquitto).unwrap(), &[]).await;
}

#[cfg(all(feature = "tls", feature = "websocket"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_comes_so_over_tls_as_well() {
    let authority = Authority::new();
    let broker = broker_as(&authority.sign("127.0.0.1")).start().unwrap();
    let tls = [("connection.protocol", "mqtts"), ("connection.ca", &authority.ca_file())];
    comes_over_the_first_connection(broker, &tls).await;
}
