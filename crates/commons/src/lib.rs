//! The ground that every component of the pip-services toolkit stands on.
//!
//! * [`config`]: [`ConfigParams`](config::ConfigParams), the flat ordered map that configures components from text;
//! * [`refer`]: [`Descriptor`](refer::Descriptor), the [`References`](refer::References) container and the
//!   [`component!`](crate::component) macro by which a component tells what it offers;
//! * [`run`]: the lifecycle, from [`IOpenable`](run::IOpenable) to [`ICleanable`](run::ICleanable);
//! * [`errors`]: [`ApplicationError`](errors::ApplicationError) with its categories;
//! * [`convert`][]: text to typed values;
//! * [`IdGenerator`](data::IdGenerator): identifiers.
//!
//! The crate needs no async runtime.
//!
//! ```
//! use std::sync::Arc;
//! use pip_services_commons::{component, refer::{IReferences, References, ReferencesExt}};
//!
//! trait IGreeter: Send + Sync { fn greet(&self) -> String; }
//!
//! struct Greeter;
//! impl IGreeter for Greeter { fn greet(&self) -> String { "hello".into() } }
//! component!(Greeter: dyn IGreeter);
//!
//! # fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
//! let references = References::new();
//! references.put("my-group:greeter:default:main:1.0".parse()?, Arc::new(Greeter));
//!
//! let greeter = references.get_one_required::<dyn IGreeter>(&"*:greeter:*:*:*".parse()?)?;
//! assert_eq!(greeter.greet(), "hello");
//! # Ok(()) }
//! ```

pub mod config;
pub mod convert;
pub mod data;
pub mod errors;
pub mod refer;
pub mod run;
