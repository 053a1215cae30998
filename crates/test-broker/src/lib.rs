//! An MQTT broker for tests and examples.
//!
//! One [`TestBroker`] with two engines behind the same calls: a broker inside the process, which needs nothing
//! installed, and a Mosquitto process with a configuration of its own. Both listen on `127.0.0.1` only, on a free
//! port that stays the same over restarts, and forget everything when they are dropped.
//!
//! ```
//! use pip_services_test_broker::{Engine, TestBroker};
//!
//! let broker = TestBroker::start(Engine::Embedded)?;
//! std::net::TcpStream::connect(broker.address())?;
//!
//! broker.crash()?;
//! assert!(std::net::TcpStream::connect(broker.address()).is_err());
//!
//! broker.restart()?;
//! std::net::TcpStream::connect(broker.address())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every call blocks until what it promises is true, so a test never has to sleep. The calls work inside and outside
//! of an async runtime; they keep a runtime's thread for as long as they take, which for most is a few milliseconds.
//!
//! What the engines can do:
//!
//! | | [`Engine::Embedded`] | [`Engine::Mosquitto`] |
//! |---|---|---|
//! | [`stop`](TestBroker::stop) | shutdown, version 5 clients are told | `SIGTERM` |
//! | [`crash`](TestBroker::crash) | every connection is cut without a word | `SIGKILL` |
//! | [`freeze`](TestBroker::freeze), [`thaw`](TestBroker::thaw) | unsupported | `SIGSTOP`, `SIGCONT` |
//! | [`disconnect_client`](TestBroker::disconnect_client) | cuts one client | unsupported |
//! | [`tls`](TestBrokerBuilder::tls), [`websocket`](TestBrokerBuilder::websocket) | unsupported | a listener for them |
//! | [`persistent`](TestBrokerBuilder::persistent) | file storage | persistence file, saved on every change |
//! | [`refuse_subscriptions`](TestBrokerBuilder::refuse_subscriptions) | by its authorization | unsupported |
//!
//! A [`Proxy`] between a client and either of them cuts the network.

mod auth;
mod broker;
mod builder;
mod embedded;
mod engine;
mod error;
mod folder;
mod mosquitto;
mod port;
mod process;
mod proxy;
mod settings;

pub use broker::TestBroker;
pub use builder::TestBrokerBuilder;
pub use engine::Engine;
pub use error::BrokerError;
pub use proxy::Proxy;
