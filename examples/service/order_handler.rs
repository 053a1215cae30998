use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{DependencyResolver, IReferenceable, IReferences, IUnreferenceable},
    run::{IClosable, IOpenable},
};
use pip_services_components::log::{CompositeLogger, ILogger};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};

/// Answers each order on one queue with a receipt on another, from `open` to `close`.
///
/// Configuration: `dependencies.orders` and `dependencies.receipts`, the descriptors of the queues; `receipt`
/// (`paid`), what a receipt says. References: the two queues, and loggers `*:logger:*:*:*` (optional).
#[derive(Default)]
pub(crate) struct OrderHandler {
    setup: Mutex<Setup>,
    logger: Arc<CompositeLogger>,
}

#[derive(Default)]
struct Setup {
    dependencies: DependencyResolver,
    receipt: String,
    /// Orders and receipts.
    queues: Option<(Arc<dyn IMessageQueue>, Arc<dyn IMessageQueue>)>,
    is_open: bool,
}

component!(
    OrderHandler: dyn IConfigurable, dyn IReferenceable, dyn IUnreferenceable, dyn IOpenable, dyn IClosable
);

impl OrderHandler {
    /// Never held while something is awaited.
    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IConfigurable for OrderHandler {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let mut setup = self.setup();
        setup.receipt = config.get_as_nullable_string("receipt").unwrap_or_else(|| "paid".into());
        setup.dependencies.configure(config)
    }
}

impl IReferenceable for OrderHandler {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.logger.set_references(references)?;
        let dependencies = self.setup().dependencies.clone();
        let orders = dependencies.get_one_required(references, "orders")?;
        let receipts = dependencies.get_one_required(references, "receipts")?;
        self.setup().queues = Some((orders, receipts));
        Ok(())
    }
}

impl IUnreferenceable for OrderHandler {
    fn unset_references(&self) {
        self.logger.unset_references();
        self.setup().queues = None;
    }
}

#[async_trait]
impl IOpenable for OrderHandler {
    fn is_open(&self) -> bool {
        self.setup().is_open
    }

    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut setup = self.setup();
        if setup.is_open {
            return Ok(());
        }
        let Some((orders, receipts)) = setup.queues.clone() else {
            let message = "set_references comes before open";
            return Err(ApplicationError::invalid_state(correlation_id, "NOT_LINKED", message));
        };
        let (receipt, logger) = (setup.receipt.clone(), self.logger.clone());
        // Ok completes an order; an error is logged and counted, and a queue with locks delivers it again.
        let receiver = move |order: MessageEnvelope| {
            let (receipts, receipt, logger) = (receipts.clone(), receipt.clone(), logger.clone());
            async move {
                let id = order.correlation_id.as_deref();
                logger.info(id, format_args!("Order {order}"));
                Ok(receipts.send(id, MessageEnvelope::new(id, "receipt", receipt)).await?)
            }
        };
        orders.begin_listen(correlation_id, Arc::new(receiver))?;
        setup.is_open = true;
        Ok(())
    }
}

#[async_trait]
impl IClosable for OrderHandler {
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let queues = self.setup().queues.clone();
        if let Some((orders, _)) = queues {
            // Waits a while for the order that is being handled.
            orders.end_listen(correlation_id).await;
        }
        self.setup().is_open = false;
        self.logger.info(correlation_id, format_args!("No more orders"));
        Ok(())
    }
}
