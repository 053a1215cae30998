use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use pip_services_components::log::CompositeLogger;
use tokio::sync::watch;

use super::{held::Held, link::Link, shortfalls::Shortfalls};
use crate::{
    client::Client, counters::ConnectionCounters, options::ConnectionOptions, resolver::ConnectTarget,
    router::Router,
};

/// The part that the session shares with its task.
pub(super) struct Core {
    pub(super) client: Client,
    pub(super) router: Arc<Router>,
    pub(super) target: ConnectTarget,
    pub(super) options: ConnectionOptions,
    pub(super) logger: Arc<CompositeLogger>,
    pub(super) counters: Arc<ConnectionCounters>,
    pub(super) link: watch::Sender<Link>,
    /// The number of the connection with which the open has succeeded. Zero before.
    pub(super) opened: AtomicU64,
    /// Which broker has its session: the number of the endpoint, and the address, as a name can have several.
    pub(super) broker: Mutex<Option<(usize, SocketAddr)>>,
    /// How many sessions it has had at brokers. One that a broker kept is the same over several connections.
    pub(super) session: AtomicU64,
    /// What nobody listens to yet. None where the broker keeps no session, and after the close.
    pub(super) held: Mutex<Option<Held>>,
    /// What the broker does not grant.
    pub(super) shortfalls: Mutex<Shortfalls>,
}

impl Core {
    pub(super) fn brokers(&self) -> String {
        self.target.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Loggers are other people's code: a panic there must not end the connection.
    pub(super) fn tell(&self, tell: impl FnOnce(&CompositeLogger)) {
        let _ = catch_unwind(AssertUnwindSafe(|| tell(&self.logger)));
    }
}
