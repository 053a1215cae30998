//! The way to a broker.

use std::{
    io,
    net::SocketAddr,
    sync::{MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use pip_services_commons::errors::ApplicationError;
use pip_services_components::log::ILogger;
use tokio::{
    net::lookup_host,
    time::{Instant, timeout_at},
};

use super::{
    core::Core,
    errors::{connect_failed, subscribe_failed},
    link::Link,
};
use crate::{
    client::ClientError,
    resolver::Endpoint,
    transport::{Protocol, Section},
};

impl Core {
    /// The first connection, with all that is wanted granted.
    ///
    /// A broker that accepts, and then says nothing more or cuts the connection, gives way to the next one. All of it takes
    /// `options.connect_timeout` at most. Gives the broker.
    pub(super) async fn open(&self) -> Result<&Endpoint, ApplicationError> {
        let deadline = Instant::now() + self.options.connect_timeout;
        let mut first = 0;
        loop {
            let connecting = timeout_at(deadline, self.connect(first, deadline)).await;
            let (index, endpoint) = connecting.unwrap_or_else(|_| Err(self.unconnected()))?;
            let granted = self.grant_at_first(index, endpoint, deadline).await;
            if granted.is_ok()
                && let Some((filter, error)) = self.router.first_refusal()
            {
                return Err(subscribe_failed(&filter, error));
            }
            match granted.and_then(|()| self.up_at_first(index, endpoint)) {
                Err(error) if index + 1 < self.target.endpoints.len() => {
                    self.passes_over(index, &error);
                    first = index + 1;
                }
                opened => return opened.map(|()| endpoint),
            }
        }
    }

    /// Has all that is wanted granted, or refused, over the first connection.
    async fn grant_at_first(
        &self,
        index: usize,
        endpoint: &Endpoint,
        deadline: Instant,
    ) -> Result<(), ApplicationError> {
        let connection = self.client.connection();
        let mut link = self.link.subscribe();
        tokio::select! {
            synchronized = self.synchronize(endpoint, || self.share(index, deadline)) => synchronized,
            _ = link.wait_for(|link| link.is_lost_at_first(connection)) => Err(cut(endpoint)),
        }
    }

    /// The first connection is there, unless it was lost meanwhile.
    fn up_at_first(&self, index: usize, endpoint: &Endpoint) -> Result<(), ApplicationError> {
        let (connection, session) = (self.client.connection(), self.session.load(Ordering::Acquire));
        let up = |link: &mut Link| {
            let is_there = !link.is_lost_at_first(connection);
            if is_there {
                // What this connection brings is handed over from now on, and so it is confirmed, and not before.
                self.opened.store(connection, Ordering::Release);
                self.client.accept();
                *link = Link::Up { broker: index, connection, session };
            }
            is_there
        };
        if self.link.send_if_modified(up) { Ok(()) } else { Err(cut(endpoint)) }
    }

    /// The error of an open whose time is over while it connects.
    fn unconnected(&self) -> ApplicationError {
        let (brokers, ms) = (self.brokers(), self.options.connect_timeout.as_millis());
        let message = format!("no connection to {brokers} within options.connect_timeout ({ms} ms)");
        connect_failed(message, "options.connect_timeout")
    }

    /// What the broker of that number may take of the time up to the deadline: an equal share with each that comes after it, so
    /// that one that is silent does not keep the others from being tried.
    fn share(&self, index: usize, deadline: Instant) -> Duration {
        let brokers = self.target.endpoints.len().saturating_sub(index).max(1);
        deadline.saturating_duration_since(Instant::now()) / u32::try_from(brokers).unwrap_or(u32::MAX)
    }

    /// Tries each broker once, from that one on, up to the deadline. Gives the number of the one that accepted, and otherwise the
    /// last one's error.
    pub(super) async fn connect(
        &self,
        first: usize,
        deadline: Instant,
    ) -> Result<(usize, &Endpoint), ApplicationError> {
        let mut last = connect_failed("no broker is configured", "connection");
        for (index, endpoint) in self.target.endpoints.iter().enumerate().skip(first) {
            last = match self.connect_to(index, endpoint, self.share(index, deadline)).await {
                Ok(()) => return Ok((index, endpoint)),
                Err(error) => error,
            };
            self.passes_over(index, &last);
        }
        Err(last)
    }

    /// Tells, at the first connection, that a broker gives way to the next one. Who reconnects tells of no attempt.
    fn passes_over(&self, index: usize, error: &ApplicationError) {
        let is_first = matches!(*self.link.borrow(), Link::Opening { .. });
        if let Some(next) = self.target.endpoints.get(index + 1).filter(|_| is_first) {
            let endpoint = &self.target.endpoints[index];
            self.tell(|logger| {
                logger.warn(None, format_args!("Passes over {endpoint}, and goes on to {next}: {error:#}"));
            });
        }
    }

    /// Tries each address of a broker.
    async fn connect_to(
        &self,
        index: usize,
        endpoint: &Endpoint,
        limit: Duration,
    ) -> Result<(), ApplicationError> {
        let host_key = format!("{}.host", endpoint.section);
        let deadline = Instant::now() + limit;
        let addresses =
            found(endpoint, deadline, lookup_host((endpoint.host.as_str(), endpoint.port))).await?;
        let mut last = unknown(endpoint);
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        for address in addresses {
            // An attempt that is given up, or breaks off before the answer, may have begun a session: what the broker has next
            // time then is not what it was.
            let known = self.broker().take();
            let connected =
                self.client.connect(address, &endpoint.transport, &endpoint.user, &self.options, limit).await;
            if matches!(
                connected,
                Err(ClientError::Transport(_) | ClientError::Unauthorized(_) | ClientError::Refused(_))
            ) {
                *self.broker() = known;
            }
            last = match connected {
                Ok(has_session) => {
                    let broker = (index, address);
                    // Another broker can have a session of the same client id, which knows nothing of this one.
                    self.connected(broker, has_session && known == Some(broker));
                    return Ok(());
                }
                Err(error @ ClientError::Unauthorized(_)) => {
                    let (source, key) = endpoint.user.source(&endpoint.section);
                    let message = format!("{endpoint} refused {source}");
                    ApplicationError::unauthorized(None, "CONNECT_FAILED", message)
                        .with_details("key", key)
                        .with_cause(error)
                }
                Err(ClientError::Transport(error) | ClientError::Cut(error)) => {
                    let error = error.in_section(Section(&endpoint.section));
                    connect_failed(format!("cannot connect to {endpoint}: {error}"), error.key())
                }
                Err(error) => {
                    let section = &endpoint.section;
                    let hint = match (&error, endpoint.transport.protocol()) {
                        (ClientError::Unanswered, Protocol::Mqtt) => {
                            format!("; where it expects TLS, set {section}.protocol to mqtts")
                        }
                        _ => String::new(),
                    };
                    let message =
                        format!("cannot connect to {endpoint}: {error}{hint} ({host_key}, {section}.port)");
                    connect_failed(message, &host_key)
                }
            };
        }
        Err(last)
    }

    /// Notes which broker it is, and whether what was granted before still is.
    fn connected(&self, broker: (usize, SocketAddr), kept: bool) {
        *self.broker() = Some(broker);
        if kept {
            self.router.release_again();
        } else {
            self.router.forget_grants();
            self.session.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The number of the endpoint whose broker was the last to accept.
    pub(super) fn last_broker(&self) -> Option<usize> {
        self.broker().map(|(index, _)| index)
    }

    fn broker(&self) -> MutexGuard<'_, Option<(usize, SocketAddr)>> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses that a lookup finds for a broker up to the deadline.
async fn found(
    endpoint: &Endpoint,
    deadline: Instant,
    lookup: impl Future<Output = io::Result<impl Iterator<Item = SocketAddr>>>,
) -> Result<Vec<SocketAddr>, ApplicationError> {
    match timeout_at(deadline, lookup).await {
        Ok(found) => Ok(found.map_err(|error| unknown(endpoint).with_cause(error))?.collect()),
        Err(late) => Err(unknown(endpoint).with_cause(late)),
    }
}

fn cut(endpoint: &Endpoint) -> ApplicationError {
    let message = format!("{endpoint} closed the connection at once");
    connect_failed(message, &format!("{}.host", endpoint.section))
}

fn unknown(endpoint: &Endpoint) -> ApplicationError {
    let key = format!("{}.host", endpoint.section);
    connect_failed(format!("{key} '{}' cannot be resolved", endpoint.host), &key)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        iter,
        net::Ipv4Addr,
        sync::{Arc, Mutex, atomic::AtomicU64},
    };

    use pip_services_commons::config::ConfigParams;
    use pip_services_components::log::CompositeLogger;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        sync::{
            mpsc::{UnboundedReceiver, unbounded_channel},
            watch,
        },
    };
    #[cfg(feature = "tls")]
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
    };

    use super::*;
    use crate::{
        client::{Client, Event},
        counters::ConnectionCounters,
        options::{ConnectionOptions, MqttVersion, QoS},
        resolver::{ConnectTarget, User},
        router::Router,
        transport::{Protocol, Transport},
    };

    fn endpoint(host: &str, port: u16) -> Endpoint {
        endpoint_over("mqtt", host, port, &[])
    }

    fn endpoint_over(protocol: &str, host: &str, port: u16, params: &[(&str, &str)]) -> Endpoint {
        let protocol = Protocol::from_name(protocol).unwrap();
        let params = ConfigParams::from_tuples(params.iter().copied());
        let transport =
            Transport::new(protocol, host, port, None, Section("connections.1"), &params).unwrap();
        let (host, section) = (host.to_owned(), "connections.1".to_owned());
        Endpoint { host, port, section, user: User::default(), transport: Arc::new(transport) }
    }

    /// What connects to these brokers, and asks them to keep its session.
    pub(in crate::session) fn core(endpoints: Vec<Endpoint>) -> Core {
        let kept =
            [("client_id", "kept"), ("options.clean_session", "false"), ("options.connect_timeout", "2000")];
        let (client, _) = Client::new("kept", MqttVersion::V3_1_1);
        Core {
            client,
            router: Router::new(),
            target: ConnectTarget { endpoints },
            options: ConnectionOptions::from_config(&ConfigParams::from_tuples(kept)).unwrap(),
            logger: Arc::new(CompositeLogger::new()),
            counters: Arc::new(ConnectionCounters::new("")),
            link: watch::Sender::new(Link::Opening { lost: 0 }),
            opened: AtomicU64::new(0),
            broker: Mutex::default(),
            session: AtomicU64::new(0),
            held: Mutex::default(),
            shortfalls: Mutex::default(),
        }
    }

    async fn connect(core: &Core) -> Result<(usize, &Endpoint), ApplicationError> {
        core.connect(0, Instant::now() + core.options.connect_timeout).await
    }

    /// The port of a broker that has a session of everybody.
    async fn broker_with_sessions() -> u16 {
        let (port, mut connections) = listening().await;
        tokio::spawn(async move {
            let mut accepted = Vec::new();
            while let Some(mut connection) = connections.recv().await {
                accept(&mut connection).await;
                accepted.push(connection);
            }
        });
        port
    }

    /// A port, and the connections that are made to it, after their first byte.
    async fn listening() -> (u16, UnboundedReceiver<TcpStream>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (port, (made, connections)) = (listener.local_addr().unwrap().port(), unbounded_channel());
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                connection.read_u8().await.unwrap();
                let _ = made.send(connection);
            }
        });
        (port, connections)
    }

    async fn accept(connection: &mut TcpStream) {
        connection.write_all(b"\x20\x02\x01\0").await.unwrap();
    }

    /// The broker may have begun another session, which it then has when it is asked again.
    #[tokio::test]
    async fn a_session_is_not_the_one_that_was_kept_where_an_attempt_got_no_answer_or_was_given_up() {
        let (port, mut connections) = listening().await;
        let core = core(vec![endpoint("127.0.0.1", port)]);
        let mut sessions = Vec::new();
        let mut accepted = Vec::new();
        for what in ["accepted", "accepted", "no answer", "accepted", "given up", "accepted"] {
            let connecting = connect(&core);
            let answering = async {
                let mut connection = connections.recv().await.unwrap();
                if what == "accepted" {
                    accept(&mut connection).await;
                }
                accepted.push(connection);
            };
            match what {
                "given up" => tokio::select! {
                    _ = connecting => panic!("without an answer"),
                    () = answering => {}
                },
                _ => {
                    let (connected, ()) = tokio::join!(connecting, answering);
                    assert_eq!(connected.is_ok(), what == "accepted");
                }
            }
            sessions.push(core.session.load(Ordering::Acquire));
        }
        assert_eq!(sessions, [1, 1, 1, 2, 2, 3]);
    }

    #[tokio::test]
    async fn a_session_is_the_one_that_was_kept_after_attempts_that_reached_no_broker() {
        let broker = endpoint("127.0.0.1", broker_with_sessions().await);
        let mut core = core(vec![broker.clone()]);
        connect(&core).await.unwrap();
        core.target.endpoints[0].port = 1;
        connect(&core).await.unwrap_err();
        core.target.endpoints[0] = broker;
        connect(&core).await.unwrap();
        assert_eq!(core.session.load(Ordering::Acquire), 1);
    }

    /// The broker may have read it, and begun another session.
    #[cfg(feature = "tls")]
    #[tokio::test]
    async fn a_session_is_not_the_one_that_was_kept_where_encryption_broke_behind_the_first_packet() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = acceptor();
        let core = core(vec![endpoint_over("mqtts", "127.0.0.1", port, &[("insecure", "true")])]);
        let mut sessions = Vec::new();
        let mut accepted = Vec::new();
        for breaks in [false, false, true, false] {
            let answering = async {
                let mut connection = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
                connection.read_u8().await.unwrap();
                match breaks {
                    // An encrypted record, which nobody has encrypted.
                    true => {
                        connection
                            .get_mut()
                            .0
                            .write_all(b"\x17\x03\x03\0\x20 nobody has encrypted this record")
                            .await
                    }
                    false => connection.write_all(b"\x20\x02\x01\0").await,
                }
                .unwrap();
                accepted.push(connection);
            };
            let (connected, ()) = tokio::join!(connect(&core), answering);
            assert_eq!(connected.is_err(), breaks);
            if let Err(error) = connected {
                assert_eq!(error.detail("key"), Some("connections.1.protocol"), "{error:#}");
            }
            sessions.push(core.session.load(Ordering::Acquire));
        }
        assert_eq!(sessions, [1, 1, 1, 2]);
    }

    /// What encrypts as a broker.
    #[cfg(feature = "tls")]
    fn acceptor() -> TlsAcceptor {
        let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![identity.cert.into()], key.into())
            .unwrap();
        Arc::new(config).into()
    }

    /// As when a name has several addresses, or another one than before.
    #[tokio::test]
    async fn a_session_that_another_broker_has_under_the_same_name_is_not_the_one_that_was_kept() {
        let brokers = [broker_with_sessions().await, broker_with_sessions().await];
        let mut core = core(vec![endpoint("127.0.0.1", brokers[0])]);
        let mut sessions = Vec::new();
        for broker in [0, 0, 1, 1, 0] {
            core.target.endpoints[0] = endpoint("127.0.0.1", brokers[broker]);
            core.router.set_granted("orders", Ok(QoS::AtLeastOnce));
            connect(&core).await.unwrap();
            let session = core.session.load(Ordering::Acquire);
            sessions.push((session, if core.router.released("orders") { "forgotten" } else { "granted" }));
        }
        let expected = [(1, "forgotten"), (1, "granted"), (2, "forgotten"), (2, "granted"), (3, "forgotten")];
        assert_eq!(sessions, expected);
    }

    #[tokio::test]
    async fn the_loss_of_another_connection_is_not_taken_for_that_of_this_one() {
        let core = Arc::new(core(vec![endpoint("127.0.0.1", broker_with_sessions().await)]));
        let (index, broker) = connect(&core).await.unwrap();
        core.up_at_first(index, broker).unwrap();
        let (happen, events) = unbounded_channel();
        tokio::spawn(core.clone().serve(events));
        core.router.set_releasing("orders");
        let this = core.client.connection();
        for event in [
            Event::Disconnected(this - 1, None),
            Event::Disconnected(this + 1, None),
            Event::Unsubscribed("orders".into()),
        ] {
            happen.send(event).unwrap();
        }
        let mut changes = core.router.changes();
        while !core.router.released("orders") {
            changes.changed().await.unwrap();
        }
        assert_eq!(core.link.borrow().broker(), Some(index));
        happen.send(Event::Disconnected(this, None)).unwrap();
        core.link.subscribe().wait_for(|link| *link == Link::Down).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_never_ends_is_given_up_in_time_and_its_host_named() {
        let deadline = Instant::now() + Duration::from_secs(10);
        let lookup = std::future::pending::<io::Result<iter::Empty<SocketAddr>>>();
        let error = found(&endpoint("broker", 1883), deadline, lookup).await.unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("CONNECT_FAILED", Some("connections.1.host")));
        assert!(error.message().contains("'broker' cannot be resolved"), "{error:#}");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1883));
        let lookup = async { Ok(iter::once(address)) };
        let found = found(&endpoint("broker", 1883), Instant::now(), lookup).await;
        assert_eq!(found.unwrap(), [address]);
    }
}
