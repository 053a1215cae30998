use pip_services_commons::errors::ApplicationError;

/// How a [`CachedMessageQueue`](crate::CachedMessageQueue) is subscribed at its broker; ports its abstract
/// methods `subscribe` and `unsubscribe`.
///
/// It lasts from an `open` to the next `close`, and is dropped then: what is left to unsubscribe is the drop's.
pub trait ISubscription: Send + Sync + 'static {
    /// Makes the broker deliver to the queue's inbox, unless that has been done, and waits until it does.
    ///
    /// It is called again and again. Dropping the future leaves the subscribing under way or undone.
    ///
    /// # Errors
    /// Those of the broker.
    fn subscribe(
        &self,
        correlation_id: Option<&str>,
    ) -> impl Future<Output = Result<(), ApplicationError>> + Send;
}
