//! The one error type of the toolkit.
//!
//! ```
//! use pip_services_commons::errors::{ApplicationError, ErrorCategory};
//!
//! let error = ApplicationError::config(Some("123"), "BAD_QOS", "options.qos is 7; it must be 0, 1 or 2")
//!     .with_details("key", "options.qos");
//! assert_eq!(error.category(), &ErrorCategory::Misconfiguration);
//! assert_eq!(error.code(), "BAD_QOS");
//! ```

mod application_error;
mod category;
mod description;

pub use application_error::ApplicationError;
pub use category::ErrorCategory;
pub use description::ErrorDescription;
