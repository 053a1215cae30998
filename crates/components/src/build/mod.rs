//! Factories make components for descriptors.
//!
//! ```
//! use std::sync::Arc;
//! use pip_services_commons::component;
//! use pip_services_components::build::{Factory, IFactory};
//!
//! struct Cache;
//! component!(Cache);
//!
//! let mut factory = Factory::new();
//! factory.register("my-group:cache:memory:*:1.0".parse()?, |_| Ok(Arc::new(Cache)));
//!
//! let cache = factory.create(&"my-group:cache:memory:small:1.0".parse()?)?;
//! assert!(cache.type_name().ends_with("Cache"));
//! # Ok::<(), pip_services_commons::errors::ApplicationError>(())
//! ```

mod composite_factory;
mod create_error;
mod factory;
mod factory_macro;

pub use composite_factory::CompositeFactory;
pub use factory::{Factory, IFactory};
