use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::run::IOpenable;
use pip_services_messaging::{
    IMessageQueue, MessageEnvelope,
    conformance::{FaultError, FaultInjector, OpenFailure, QueueContext},
};
use tokio::time::sleep;

use super::{
    GARBAGE,
    hub::{Hub, Network},
    queue::Remote,
};

/// What can be done to the broker.
pub(super) struct Faults(pub(super) Arc<Hub>);

#[async_trait]
impl FaultInjector for Faults {
    async fn restart_broker(&self) -> Result<(), FaultError> {
        self.0.network.send_replace(Network::Restarting);
        self.0.lose_connections().await;
        sleep(Duration::from_millis(30)).await;
        self.0.network.send_replace(Network::Up);
        Ok(())
    }

    async fn cut(&self) -> Result<(), FaultError> {
        self.0.network.send_replace(Network::Down);
        Ok(())
    }

    async fn heal(&self) -> Result<(), FaultError> {
        self.0.network.send_replace(Network::Up);
        Ok(())
    }

    async fn stall(&self) -> Result<(), FaultError> {
        self.cut().await
    }

    async fn resume(&self) -> Result<(), FaultError> {
        self.heal().await
    }

    async fn kick_client(&self) -> Result<(), FaultError> {
        self.0.lose_connections().await;
        Ok(())
    }

    async fn unreachable_queue(
        &self,
        context: QueueContext,
        why: OpenFailure,
    ) -> Result<Arc<dyn IMessageQueue>, FaultError> {
        Ok(Arc::new(Remote::new(&self.0, &context, Some(why))?))
    }

    async fn inject_raw(&self, destination: &str, _: &[u8]) -> Result<(), FaultError> {
        let queue = self.0.queue(destination);
        queue.open(None).await?;
        self.0.deliver(&queue, MessageEnvelope::new(None, GARBAGE, "")).await?;
        Ok(())
    }
}
