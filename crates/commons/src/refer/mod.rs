//! Components find each other by descriptor in a references container.
//!
//! A component tells which interfaces it offers by [`component!`](crate::component); the container hands it
//! out as `Arc<dyn Interface>`. See [`References`].

mod component;
mod dependency_resolver;
mod descriptor;
mod referenceable;
mod referencer;
mod references;

pub(crate) use component::of_component;
pub use component::{Component, InterfaceSlot, cast};
pub use dependency_resolver::DependencyResolver;
pub use descriptor::Descriptor;
pub use referenceable::{IReferenceable, IUnreferenceable};
pub use referencer::Referencer;
pub use references::{IReferences, References, ReferencesExt};
