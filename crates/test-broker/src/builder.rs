//! A broker with users, or one that remembers.

use std::sync::Mutex;

use crate::broker::Running;
use crate::folder::Folder;
use crate::port::Port;
use crate::settings::{Settings, Tls, User};
use crate::{BrokerError, Engine, TestBroker};

/// How often another port is tried when the chosen one turns out to be in use.
const PORT_ATTEMPTS: usize = 10;

/// Settings of a [`TestBroker`] before its start.
///
/// ```
/// use pip_services_test_broker::{Engine, TestBroker};
///
/// let broker = TestBroker::builder(Engine::Embedded).user("alice", "secret").start()?;
/// # Ok::<(), pip_services_test_broker::BrokerError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct TestBrokerBuilder {
    engine: Engine,
    settings: Settings,
}

impl TestBrokerBuilder {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, settings: Settings::default() }
    }

    /// Lets this user in. As soon as there is one user, everybody else is refused, anonymous clients too.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.settings.users.push(User { name: name.into(), password: password.into() });
        self
    }

    /// Lets nobody publish to this topic, nor subscribe to it. Mosquitto grants the subscription all the same, and
    /// delivers nothing.
    pub fn deny(mut self, topic: impl Into<String>) -> Self {
        self.settings.denied.push(topic.into());
        self
    }

    /// Keeps sessions and their queued messages over [`stop`](TestBroker::stop) and
    /// [`restart`](TestBroker::restart). Without it a restarted broker knows nothing. Over a
    /// [`crash`](TestBroker::crash) it keeps what it had saved.
    pub fn persistent(mut self) -> Self {
        self.settings.persistent = true;
        self
    }

    /// Refuses each subscription. Connecting and publishing is allowed as before.
    pub fn refuse_subscriptions(mut self) -> Self {
        self.settings.refuse_subscriptions = true;
        self
    }

    /// Lets no more messages at QoS 1 and 2 be on their way to or from a client than that. By itself Mosquitto has a
    /// limit of 20, and [`TestBroker`] takes it away. Only Mosquitto does.
    pub fn max_inflight(mut self, count: u16) -> Self {
        self.settings.max_inflight = count;
        self
    }

    /// Encrypts connections with this certificate and its key, both in PEM form. Only Mosquitto does.
    pub fn tls(mut self, certificate: impl Into<String>, key: impl Into<String>) -> Self {
        let client_ca = self.settings.tls.take().and_then(|tls| tls.client_ca);
        self.settings.tls = Some(Tls { certificate: certificate.into(), key: key.into(), client_ca });
        self
    }

    /// Lets only clients in that have a certificate signed by this one, in PEM form. Counts after
    /// [`tls`](Self::tls).
    pub fn client_ca(mut self, certificate: impl Into<String>) -> Self {
        if let Some(tls) = &mut self.settings.tls {
            tls.client_ca = Some(certificate.into());
        }
        self
    }

    /// Speaks WebSocket instead of plain MQTT, over TLS where that is set. Only Mosquitto does.
    pub fn websocket(mut self) -> Self {
        self.settings.websocket = true;
        self
    }

    /// Starts the broker. It accepts connections when this returns.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Unsupported`] for what the engine cannot do, [`BrokerError::NotInstalled`] without Mosquitto,
    /// [`BrokerError::BadUser`], and [`BrokerError::Start`] with what the engine says.
    pub fn start(self) -> Result<TestBroker, BrokerError> {
        let Self { engine, settings } = self;
        if let Some(user) = settings.users.iter().find(|user| !user.fits_a_password_file()) {
            return Err(BrokerError::BadUser { name: user.name.clone() });
        }
        let unsupported = [
            // Its lists of what is allowed keep messages back, and grant all subscriptions.
            (settings.refuse_subscriptions, Engine::Mosquitto, "refuse_subscriptions"),
            (settings.tls.is_some(), Engine::Embedded, "tls"),
            (settings.websocket, Engine::Embedded, "websocket"),
            (settings.max_inflight > 0, Engine::Embedded, "max_inflight"),
        ];
        if let Some((.., call)) = unsupported.into_iter().find(|(asked, by, _)| *asked && *by == engine) {
            return Err(BrokerError::Unsupported { engine, call });
        }
        let folder = Folder::default();

        let mut attempt = 1;
        loop {
            let port = Port::reserve().map_err(BrokerError::io("find a free port"))?;
            match Running::start(engine, &settings, &folder, port.number()) {
                Ok(running) => {
                    let running = Mutex::new(Some(running));
                    return Ok(TestBroker { running, engine, settings, port, folder });
                }
                Err(BrokerError::PortInUse { .. }) if attempt < PORT_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}
