//! The toolkit's rules, one module for each part: tables of what, input and expected, in the words of the rule.
//!
//! Beside them, what must hold for any input and from any thread.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used)]

/// `ApplicationException`: fields, builders, `wrap`.
mod application_error;
/// `ConfigParams`: the model, constructors, sections and merging.
mod config_params;
/// The string form, flattening and merging, for any parameters.
mod config_properties;
/// Text to typed values.
mod conversion;
/// `DependencyResolver`.
mod dependency_resolver;
/// `Descriptor`: parsing, printing and matching, also against a naive model.
mod descriptor;
/// Categories of errors: their texts, constructors and status.
mod error_categories;
/// `ErrorDescription`: the JSON form of this and of other ports.
mod error_description;
/// `ConfigParams` of nested values.
mod flattening;
/// The getters of `ConfigParams`.
mod getters;
/// One container, many threads, and components that call back.
mod locking;
/// `Referencer`.
mod referencer;
/// `References`: order, lookups and their errors.
mod references;
/// `NameResolver` and `OptionResolver`.
mod resolvers;
/// `Opener`, `Closer` and `Cleaner`.
mod run;
/// Secrets in whatever can be shown.
mod secrets;
/// The form `key1=value1;key2=value2`.
mod string_form;
