//! The broker that a test holds.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::embedded::EmbeddedBroker;
use crate::folder::Folder;
use crate::mosquitto::MosquittoBroker;
use crate::port::{self, Port};
use crate::settings::Settings;
use crate::{BrokerError, Engine, TestBrokerBuilder};

/// An MQTT broker of a test's own, on a free port of `127.0.0.1`.
///
/// All calls take `&self`, so that one broker can be shared. Dropping it ends the broker and removes its files; where
/// the process is killed first, a Mosquitto it started is killed too.
pub struct TestBroker {
    // First, because fields are dropped in order: the broker has to end before its folder goes.
    pub(crate) running: Mutex<Option<Running>>,
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    pub(crate) port: Port,
    pub(crate) folder: Folder,
}

impl TestBroker {
    /// Starts a broker that lets everybody in and keeps nothing over a restart.
    ///
    /// # Errors
    ///
    /// As [`TestBrokerBuilder::start`].
    pub fn start(engine: Engine) -> Result<Self, BrokerError> {
        Self::builder(engine).start()
    }

    /// Starts from settings.
    pub fn builder(engine: Engine) -> TestBrokerBuilder {
        TestBrokerBuilder::new(engine)
    }

    /// The engine it was started with.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// `127.0.0.1`.
    pub fn host(&self) -> &str {
        "127.0.0.1"
    }

    /// The port, which is the same for as long as this value lives.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Host and port, as in `127.0.0.1:1883`.
    pub fn address(&self) -> String {
        self.port.address().to_string()
    }

    /// Whether the broker was started and neither stopped nor crashed since.
    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// The process of a running Mosquitto. `None` when it is stopped, and for the embedded broker.
    pub fn process_id(&self) -> Option<u32> {
        match &*self.running() {
            Some(Running::Mosquitto(broker)) => Some(broker.process_id()),
            Some(Running::Embedded(_)) | None => None,
        }
    }

    /// Ends the broker in good order. When this returns, nothing listens on the port and every connection is closed.
    ///
    /// Does nothing when the broker is not running. A frozen broker is thawed first.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Stop`] if it had to be killed in the end.
    pub fn stop(&self) -> Result<(), BrokerError> {
        Self::stop_running(&mut self.running())
    }

    /// Ends the broker as a power cut would: no goodbye, and nothing more is written to disk. When this returns,
    /// nothing listens on the port and every connection is closed.
    ///
    /// A [persistent](TestBrokerBuilder::persistent) broker loses what it had not saved yet, acknowledged or not: both
    /// engines acknowledge first and save later. Mosquitto saves right after the answer what waits for a client that is
    /// away, and what it has sent to one only when that one acknowledges, or when it saves for another reason.
    ///
    /// Does nothing when the broker is not running.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Io`] if the process cannot be killed.
    pub fn crash(&self) -> Result<(), BrokerError> {
        match self.running().take() {
            Some(Running::Embedded(broker)) => {
                broker.crash();
                Ok(())
            }
            Some(Running::Mosquitto(broker)) => broker.crash(),
            None => Ok(()),
        }
    }

    /// Starts the broker again on the same port, after [`stop`](Self::stop) or [`crash`](Self::crash). A running
    /// broker is stopped first. When this returns, the broker accepts connections.
    ///
    /// # Errors
    ///
    /// As [`stop`](Self::stop) and [`TestBrokerBuilder::start`], and [`BrokerError::PortInUse`] if another process
    /// took the port in the meantime.
    pub fn restart(&self) -> Result<(), BrokerError> {
        let mut running = self.running();
        Self::stop_running(&mut running)?;
        let started = Running::start(self.engine, &self.settings, &self.folder, self.port())?;
        *running = Some(started);
        Ok(())
    }

    /// Makes the broker hang: connections stay open and new ones are accepted by the kernel, but nothing answers
    /// until [`thaw`](Self::thaw).
    ///
    /// # Errors
    ///
    /// [`BrokerError::Unsupported`] by the embedded broker, [`BrokerError::NotRunning`].
    pub fn freeze(&self) -> Result<(), BrokerError> {
        self.mosquitto("freeze", MosquittoBroker::freeze)
    }

    /// Lets a frozen broker go on. Does nothing to one that is not frozen.
    ///
    /// # Errors
    ///
    /// As [`freeze`](Self::freeze).
    pub fn thaw(&self) -> Result<(), BrokerError> {
        self.mosquitto("thaw", MosquittoBroker::thaw)
    }

    /// Cuts the connection of one client, as an administrator would. The client's session stays, and the client sees
    /// its connection closed shortly after this returns.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Unsupported`] by Mosquitto, [`BrokerError::NotRunning`], and [`BrokerError::NoSuchClient`] if
    /// no client with this id is connected.
    pub fn disconnect_client(&self, client_id: &str) -> Result<(), BrokerError> {
        if self.engine != Engine::Embedded {
            return Err(BrokerError::Unsupported { engine: self.engine, call: "disconnect_client" });
        }
        match &*self.running() {
            Some(Running::Embedded(broker)) => broker.disconnect_client(client_id),
            Some(Running::Mosquitto(_)) | None => Err(BrokerError::NotRunning),
        }
    }

    fn mosquitto(
        &self,
        call: &'static str,
        act: impl FnOnce(&MosquittoBroker) -> Result<(), BrokerError>,
    ) -> Result<(), BrokerError> {
        if self.engine != Engine::Mosquitto {
            return Err(BrokerError::Unsupported { engine: self.engine, call });
        }
        match &*self.running() {
            Some(Running::Mosquitto(broker)) => act(broker),
            Some(Running::Embedded(_)) | None => Err(BrokerError::NotRunning),
        }
    }

    fn stop_running(running: &mut Option<Running>) -> Result<(), BrokerError> {
        match running.take() {
            Some(Running::Embedded(broker)) => broker.stop(),
            Some(Running::Mosquitto(broker)) => broker.stop(),
            None => Ok(()),
        }
    }

    /// A test that failed while it held the lock must not fail the others in a confusing way.
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TestBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestBroker")
            .field("engine", &self.engine)
            .field("address", &self.port.address())
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}

/// A broker between its start and its end.
#[derive(Debug)]
pub(crate) enum Running {
    Embedded(EmbeddedBroker),
    Mosquitto(MosquittoBroker),
}

impl Running {
    pub(crate) fn start(
        engine: Engine,
        settings: &Settings,
        folder: &Folder,
        port: u16,
    ) -> Result<Self, BrokerError> {
        if !port::is_free(port) {
            return Err(BrokerError::PortInUse { engine, port });
        }
        match engine {
            Engine::Embedded => EmbeddedBroker::start(settings, folder, port).map(Self::Embedded),
            Engine::Mosquitto => MosquittoBroker::start(settings, folder.path()?, port).map(Self::Mosquitto),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_that_somebody_took_while_the_broker_was_down_is_an_error() {
        for engine in Engine::ALL {
            let broker = TestBroker::start(engine).unwrap();
            broker.stop().unwrap();
            let thief = TcpListener::bind(broker.address()).unwrap();
            let error = broker.restart().unwrap_err();
            assert!(matches!(error, BrokerError::PortInUse { .. }), "{error}");
            drop(thief);
            port::wait_until_free(broker.port());
            broker.restart().unwrap();
        }
    }
}
