use pip_services_commons::errors::ApplicationError;

/// The section of the parameters that a connection comes from: `connection`, or one of `connections`. Errors name
/// parameters by it.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a>(pub(crate) &'a str);

impl Section<'_> {
    /// The key of a parameter.
    pub(super) fn key(self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }

    /// The error of a parameter; `what` follows its key.
    pub(super) fn bad(self, name: &str, what: impl AsRef<str>) -> ApplicationError {
        let key = self.key(name);
        let message = format!("{key} {}", what.as_ref());
        ApplicationError::config(None, "BAD_VALUE", message).with_details("key", key)
    }
}
