//! How components reach other systems: connection parameters, from the configuration or from discovery.
//!
//! ```
//! use std::sync::Arc;
//! use pip_services_commons::{
//!     config::{ConfigParams, IConfigurable},
//!     refer::{IReferenceable, IReferences, References},
//! };
//! use pip_services_components::connect::{ConnectionResolver, MemoryDiscovery};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
//! let discovery = MemoryDiscovery::new();
//! discovery.configure(&ConfigParams::from_tuples([("broker.host", "10.0.0.1"), ("broker.port", "1883")]))?;
//! let references = References::new();
//! references.put("pip-services:discovery:memory:default:1.0".parse()?, Arc::new(discovery));
//!
//! let resolver = ConnectionResolver::new();
//! resolver.configure(&ConfigParams::from_tuples([("connection.discovery_key", "broker")]))?;
//! resolver.set_references(&references)?;
//!
//! let connection = resolver.resolve(None).await?;
//! assert_eq!(connection.as_ref().and_then(|connection| connection.get_host()), Some("10.0.0.1"));
//! # Ok(()) }
//! ```

mod connection_params;
mod connection_resolver;
mod discovery;
mod factory;
mod memory_discovery;

pub use connection_params::ConnectionParams;
pub use connection_resolver::ConnectionResolver;
pub use discovery::IDiscovery;
pub use factory::DefaultDiscoveryFactory;
pub use memory_discovery::MemoryDiscovery;
