//! Components are configured from text: a flat, ordered map of keys with dots.
//!
//! ```
//! use pip_services_commons::config::ConfigParams;
//!
//! let config = ConfigParams::from_tuples([("connection.host", "localhost"), ("connection.port", "1883")]);
//! let connection = config.get_section("connection");
//! assert_eq!(connection.get_as_integer("port"), 1883);
//! ```

mod configurable;
mod getters;
mod name_resolver;
mod option_resolver;
mod params;
mod secrets;
mod string_form;
mod unknown;
mod value;

pub use configurable::IConfigurable;
pub use name_resolver::NameResolver;
pub use option_resolver::OptionResolver;
pub use params::ConfigParams;
pub use secrets::redacted;
pub use unknown::{misplaced_parameter, misspelt_parameter, unknown_parameter};
pub use value::IntoConfigValue;
