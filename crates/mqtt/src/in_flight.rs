use tokio::{runtime::Handle, sync::OwnedSemaphorePermit};

use crate::client::{ClientError, PublishAck};

/// A message on its way, with its place among those in flight.
pub(crate) struct InFlight {
    ack: Option<PublishAck>,
    place: Option<[OwnedSemaphorePermit; 2]>,
}

impl InFlight {
    /// A message that the client has, its slot, and its share of the bytes.
    pub(crate) fn new(ack: PublishAck, slot: OwnedSemaphorePermit, bytes: OwnedSemaphorePermit) -> Self {
        Self { ack: Some(ack), place: Some([slot, bytes]) }
    }

    /// Waits for the acknowledgement, and frees its place.
    pub(crate) async fn acknowledged(mut self) -> Result<(), ClientError> {
        let outcome = match &mut self.ack {
            Some(ack) => ack.await,
            None => Ok(()),
        };
        self.ack = None;
        outcome
    }
}

impl Drop for InFlight {
    /// The client still has a message whose sender gave up waiting, so its place stays taken.
    fn drop(&mut self) {
        if let (Some(ack), Some(place), Ok(runtime)) =
            (self.ack.take(), self.place.take(), Handle::try_current())
        {
            runtime.spawn(async move {
                let _ = ack.await;
                drop(place);
            });
        }
    }
}
