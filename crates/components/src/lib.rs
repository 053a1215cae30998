//! What the components of a service share: logging, counters, connections, credentials, factories and
//! configuration files.
//!
//! * [`ILogger`](log::ILogger), [`ConsoleLogger`](log::ConsoleLogger), [`CompositeLogger`](log::CompositeLogger),
//!   [`FacadeLogger`](log::FacadeLogger), [`CachedLogger`](log::CachedLogger);
//! * [`ICounters`](count::ICounters), [`LogCounters`](count::LogCounters),
//!   [`CompositeCounters`](count::CompositeCounters), and with the feature `prometheus` `PrometheusCounters`;
//! * [`ConnectionResolver`](connect::ConnectionResolver) and [`IDiscovery`](connect::IDiscovery);
//! * [`CredentialResolver`](auth::CredentialResolver) and [`ICredentialStore`](auth::ICredentialStore);
//! * [`Factory`](build::Factory), which makes components for descriptors;
//! * [`JsonConfigReader`](config::JsonConfigReader), [`YamlConfigReader`](config::YamlConfigReader) and
//!   [`MemoryConfigReader`](config::MemoryConfigReader);
//! * [`ContextInfo`](info::ContextInfo).

pub mod auth;
mod background;
pub mod build;
pub mod config;
pub mod connect;
pub mod count;
pub mod info;
pub mod log;

/// For the macros of this crate, which expand where it may not be named.
#[doc(hidden)]
pub use pip_services_commons as __commons;
