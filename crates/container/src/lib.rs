//! Services of the pip-services toolkit, composed from a configuration file.
//!
//! The file lists components; each entry has a descriptor and the component's own configuration:
//!
//! ```yaml
//! - descriptor: pip-services:logger:console:default:1.0
//!   level: {{#if LOG_LEVEL}}{{LOG_LEVEL}}{{else}}info{{/if}}
//! - descriptor: my-group:greeter:default:main:1.0
//!   greeting: hello
//! ```
//!
//! A [`Container`] makes them by factory in that order, configures them, lets them find each other, opens
//! them, and closes them in reverse. A [`ProcessContainer`] does so for a whole process: with arguments,
//! environment and signals. [`ManagedReferences`] do so for components that a program composes in code.
//!
//! ```
//! use std::sync::Arc;
//! use pip_services_commons::{component, refer::ReferencesExt};
//! use pip_services_components::build::Factory;
//! use pip_services_container::{Container, ContainerConfig};
//!
//! struct Greeter;
//! component!(Greeter);
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
//! let mut factory = Factory::new();
//! factory.register("my-group:greeter:default:*:1.0".parse()?, |_| Ok(Arc::new(Greeter)));
//!
//! let container = Container::new("greetings");
//! container.add_factory(Arc::new(factory));
//! container.configure(ContainerConfig::from_value(&serde_json::json!([
//!     {"descriptor": "my-group:greeter:default:main:1.0", "greeting": "hello"}
//! ]))?);
//!
//! container.open(None).await?;
//! let greeter = container.references().get_one_required::<Greeter>(&"*:greeter:*:*:*".parse()?)?;
//! # drop(greeter);
//! container.close(None).await?;
//! # Ok(()) }
//! ```
//!
//! # Where the toolkit's classes are
//!
//! | class | here |
//! |---|---|
//! | `ComponentConfig`, `ContainerConfig`, `ContainerConfigReader` | [`ComponentConfig`], [`ContainerConfig`], [`ContainerConfigReader`] |
//! | `ManagedReferences` | [`ManagedReferences`]; its `put` and `remove` are asynchronous, as they open and close |
//! | `ContainerReferences` | [`ManagedReferences::put_from_config`] |
//! | `ReferencesDecorator`, `BuildReferencesDecorator`, `LinkReferencesDecorator`, `RunReferencesDecorator` | inside of [`ManagedReferences`] |
//! | `Container`, `ProcessContainer` | [`Container`], [`ProcessContainer`] |
//! | `DefaultContainerFactory` | [`DefaultContainerFactory`] |

mod arguments;
mod build_references;
mod caught;
mod closed;
mod component_config;
mod components;
mod container;
mod container_config;
mod container_config_reader;
mod default_container_factory;
mod managed;
mod managed_references;
mod process_container;
mod signals;

pub use component_config::ComponentConfig;
pub use container::Container;
pub use container_config::ContainerConfig;
pub use container_config_reader::ContainerConfigReader;
pub use default_container_factory::DefaultContainerFactory;
pub use managed_references::ManagedReferences;
pub use process_container::ProcessContainer;
