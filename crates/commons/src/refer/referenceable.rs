use super::IReferences;
use crate::errors::ApplicationError;

/// A component that looks up others; ports `IReferenceable`.
///
/// `set_references` keeps the components that it found, never the container itself: the container holds the
/// component, and each keeping the other would leak both. It may be called again, and then replaces what it
/// kept.
pub trait IReferenceable: Send + Sync {
    /// Looks up what the component depends on.
    ///
    /// # Errors
    /// Those of the lookups, where something required is missing.
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError>;
}

/// A component that lets go of others before the container drops it; ports `IUnreferenceable`.
///
/// Every component that keeps references must implement it where one of those can, by any way, lead back.
pub trait IUnreferenceable: Send + Sync {
    /// Drops what `set_references` kept.
    fn unset_references(&self);
}
