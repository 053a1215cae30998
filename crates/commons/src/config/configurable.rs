use super::ConfigParams;
use crate::errors::ApplicationError;

/// A component that takes configuration parameters; ports `IConfigurable`.
///
/// `configure` may be called again: the new parameters replace the old ones (which is why
/// `IReconfigurable`, a marker without methods in the other ports, does not exist here). A component that
/// is open uses them from its next `open` on.
pub trait IConfigurable: Send + Sync {
    /// Sets the component's parameters.
    ///
    /// # Errors
    /// A `Misconfiguration` error that names the key at fault and what it allows.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError>;
}
