//! The broker inside the process.

use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mqtt5::broker::{BrokerConfig, MqttBroker, StorageBackendType, StorageConfig};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::auth::Access;
use crate::folder::Folder;
use crate::port;
use crate::settings::Settings;
use crate::{BrokerError, Engine};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a stop waits for the connections to end. One that never sent its CONNECT does not hear of the shutdown,
/// and is cut after this time.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long to wait for a write to disk that is under way when the broker ends.
const DISK_TIMEOUT: Duration = Duration::from_secs(5);

/// What counts as no limit: above its limits the broker drops messages without a word.
const MANY_MESSAGES: usize = 10_000_000;
const MANY_BYTES: usize = 1 << 30;

/// A broker on a thread of its own.
///
/// The thread has a runtime with no other thread, and drops it at the end. With it goes every task and so every
/// socket, before any task can run again: that is what a crash is made of, and why nothing is left when the thread
/// has ended.
#[derive(Debug)]
pub(crate) struct EmbeddedBroker {
    commands: mpsc::UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
    port: u16,
}

/// What the broker's thread is told. When nobody is left to tell it anything, it crashes.
enum Command {
    Stop(std_mpsc::Sender<()>),
    Disconnect { client_id: String, done: std_mpsc::Sender<bool> },
}

impl EmbeddedBroker {
    pub(crate) fn start(settings: &Settings, folder: &Folder, port: u16) -> Result<Self, BrokerError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BrokerError::io("make a runtime for the broker"))?;
        let config = config(settings, folder, port)?;
        let access = Access::from_settings(settings);

        let (commands, inbox) = mpsc::unbounded_channel();
        let (started_tx, started) = std_mpsc::channel();
        let thread = thread::Builder::new()
            .name(format!("test-broker-{port}"))
            .spawn(move || {
                serve(&runtime, config, access, &started_tx, inbox);
                runtime.shutdown_timeout(DISK_TIMEOUT);
            })
            .map_err(BrokerError::io("start a thread for the broker"))?;

        let broker = Self { commands, thread: Some(thread), port };
        match started.recv_timeout(START_TIMEOUT + DISK_TIMEOUT) {
            Ok(Ok(())) => Ok(broker),
            Ok(Err(reason)) if reason.contains("Address already in use") => {
                Err(BrokerError::PortInUse { engine: Engine::Embedded, port })
            }
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_) => Err(failed("its thread ended or hangs".to_owned())),
        }
    }

    pub(crate) fn stop(self) -> Result<(), BrokerError> {
        let (done, stopped) = std_mpsc::channel();
        self.tell(Command::Stop(done))?;
        // Without an answer the thread has panicked, which ended the broker too.
        let outcome = stopped.recv().map_err(|_| BrokerError::Stop { engine: Engine::Embedded });
        // Joins the thread.
        drop(self);
        outcome
    }

    pub(crate) fn crash(self) {
        drop(self);
    }

    pub(crate) fn disconnect_client(&self, client_id: &str) -> Result<(), BrokerError> {
        let (done, disconnected) = std_mpsc::channel();
        self.tell(Command::Disconnect { client_id: client_id.to_owned(), done })?;
        match disconnected.recv() {
            Ok(true) => Ok(()),
            Ok(false) => Err(BrokerError::NoSuchClient { client_id: client_id.to_owned() }),
            Err(_) => Err(BrokerError::NotRunning),
        }
    }

    fn tell(&self, command: Command) -> Result<(), BrokerError> {
        self.commands.send(command).map_err(|_| BrokerError::NotRunning)
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        // Closes the channel for the thread to see.
        self.commands = mpsc::unbounded_channel().0;
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened.
            let _ = thread.join();
        }
        port::wait_until_free(self.port);
    }
}

fn config(settings: &Settings, folder: &Folder, port: u16) -> Result<BrokerConfig, BrokerError> {
    // The default is files, and in the working folder.
    let storage = if settings.persistent {
        StorageConfig::new()
            .with_backend(StorageBackendType::File)
            .with_base_dir(folder.path()?.join("storage"))
    } else {
        StorageConfig::new().with_backend(StorageBackendType::Memory)
    };
    let storage = storage
        .with_max_queued_messages_per_client(MANY_MESSAGES)
        .with_max_queued_bytes_per_client(MANY_BYTES);
    Ok(BrokerConfig::new()
        .with_bind_address(port::address(port))
        .with_storage(storage)
        .with_client_channel_capacity(MANY_MESSAGES)
        .with_sys_topics_enabled(false))
}

/// Runs until a stop or until the commands end.
fn serve(
    runtime: &Runtime,
    config: BrokerConfig,
    access: Option<Access>,
    started: &std_mpsc::Sender<Result<(), String>>,
    mut inbox: mpsc::UnboundedReceiver<Command>,
) {
    runtime.block_on(async {
        let mut broker = match MqttBroker::with_config(config).await {
            Ok(broker) => broker,
            Err(error) => {
                let _ = started.send(Err(error.to_string()));
                return;
            }
        };
        if let Some(access) = access {
            broker = broker.with_auth_provider(Arc::new(access));
        }
        let router = broker.router();
        let shutdown = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();

        // A task, and not part of this future: when the runtime is dropped it must not have noticed anything.
        let mut run = tokio::spawn(async move { broker.run().await });
        // A shutdown before this signal would be lost.
        let outcome = tokio::select! {
            ready = timeout(START_TIMEOUT, ready.wait_for(|ready| *ready)) => match ready {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(_)) => Err("it ended before it was ready".to_owned()),
                Err(_) => Err("it did not become ready".to_owned()),
            },
            ended = &mut run => Err(format!("it ended at once: {ended:?}")),
        };
        let running = outcome.is_ok();
        if started.send(outcome).is_err() || !running {
            return;
        }

        while let Some(command) = inbox.recv().await {
            match command {
                Command::Disconnect { client_id, done } => {
                    let connected = router.is_connected(&client_id).await;
                    router.disconnect_client(&client_id).await;
                    let _ = done.send(connected);
                }
                Command::Stop(done) => {
                    shutdown.shutdown();
                    // Connections that outlast the time are cut with the runtime.
                    let _ = timeout(STOP_TIMEOUT, run).await;
                    let _ = done.send(());
                    return;
                }
            }
        }
    });
}

fn failed(reason: String) -> BrokerError {
    BrokerError::Start { engine: Engine::Embedded, reason }
}
