use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use pip_services_commons::errors::ApplicationError;

use super::cache::MessageCache;
use crate::Readiness;

/// Waits for the subscription at first, and then for messages in the cache.
pub(super) struct CacheReadiness {
    pub(super) cache: Arc<MessageCache>,
    /// Gone once there is the broker's answer.
    pub(super) subscribing: Option<BoxFuture<'static, Result<(), ApplicationError>>>,
}

#[async_trait]
impl Readiness for CacheReadiness {
    async fn ready(&mut self) -> Result<(), ApplicationError> {
        let Some(subscribing) = &mut self.subscribing else {
            self.cache.changed().await;
            return Ok(());
        };
        tokio::select! {
            subscribed = subscribing => {
                self.subscribing = None;
                subscribed
            }
            // Messages of a session that the broker kept come before its answer.
            () = self.cache.changed() => Ok(()),
        }
    }
}
