/// Makes a struct around a [`MessageQueueFactory`](crate::MessageQueueFactory) a factory itself: an
/// [`IMessageQueueFactory`](crate::IMessageQueueFactory), an
/// [`IFactory`](pip_services_components::build::IFactory), a component that is configured and linked, and
/// `Default` by its `new`.
///
/// ```
/// use pip_services_commons::{config::{ConfigParams, IConfigurable}, refer::Descriptor};
/// use pip_services_messaging::{
///     IMessageQueue, IMessageQueueFactory, MemoryMessageQueue, MessageQueueFactory, message_queue_factory,
/// };
///
/// /// Makes the queues of this service.
/// pub struct ShopQueueFactory(MessageQueueFactory);
/// message_queue_factory!(ShopQueueFactory);
///
/// impl ShopQueueFactory {
///     /// A factory of queues named as the descriptor.
///     pub fn new() -> Self {
///         let locator = Descriptor::new("shop", "message-queue", "memory", "*", "1.0");
///         Self(MessageQueueFactory::new(locator, MemoryMessageQueue::new))
///     }
/// }
///
/// let factory = ShopQueueFactory::new();
/// factory.configure(&ConfigParams::from_tuples([
///     ("descriptor", "shop:queue-factory:memory:default:1.0"),
///     ("options.max_messages", "100"),
/// ]))?;
/// assert_eq!(factory.create_queue("orders")?.get_name(), "orders");
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[macro_export]
macro_rules! message_queue_factory {
    ($ty:ty) => {
        $crate::__commons::component!(
            $ty: dyn $crate::IMessageQueueFactory,
            dyn $crate::__components::build::IFactory,
            dyn $crate::__commons::config::IConfigurable,
            dyn $crate::__commons::refer::IReferenceable,
            dyn $crate::__commons::refer::IUnreferenceable
        );

        impl ::std::default::Default for $ty {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $crate::IMessageQueueFactory for $ty {
            fn create_queue(
                &self,
                name: &str,
            ) -> ::std::result::Result<
                ::std::sync::Arc<dyn $crate::IMessageQueue>,
                $crate::__commons::errors::ApplicationError,
            > {
                $crate::IMessageQueueFactory::create_queue(&self.0, name)
            }
        }

        impl $crate::__components::build::IFactory for $ty {
            fn can_create(
                &self,
                locator: &$crate::__commons::refer::Descriptor,
            ) -> ::std::option::Option<$crate::__commons::refer::Descriptor> {
                $crate::__components::build::IFactory::can_create(&self.0, locator)
            }

            fn create(
                &self,
                locator: &$crate::__commons::refer::Descriptor,
            ) -> ::std::result::Result<
                ::std::sync::Arc<dyn $crate::__commons::refer::Component>,
                $crate::__commons::errors::ApplicationError,
            > {
                $crate::__components::build::IFactory::create(&self.0, locator)
            }
        }

        impl $crate::__commons::config::IConfigurable for $ty {
            fn configure(
                &self,
                config: &$crate::__commons::config::ConfigParams,
            ) -> ::std::result::Result<(), $crate::__commons::errors::ApplicationError> {
                $crate::__commons::config::IConfigurable::configure(&self.0, config)
            }
        }

        impl $crate::__commons::refer::IReferenceable for $ty {
            fn set_references(
                &self,
                references: &dyn $crate::__commons::refer::IReferences,
            ) -> ::std::result::Result<(), $crate::__commons::errors::ApplicationError> {
                $crate::__commons::refer::IReferenceable::set_references(&self.0, references)
            }
        }

        impl $crate::__commons::refer::IUnreferenceable for $ty {
            fn unset_references(&self) {
                $crate::__commons::refer::IUnreferenceable::unset_references(&self.0);
            }
        }
    };
}
