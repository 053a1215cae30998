use std::sync::Arc;

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::AbortHandle,
};

use crate::{
    client::{ClientError, PublishAck},
    counters::ConnectionCounters,
};

/// How many bytes may be on their way together. The client does not read while it cannot write, so with much more
/// it and a broker can wait for each other.
const MAX_BYTES: u32 = 4 * 1024 * 1024;

/// The places for messages on their way. Who finds none waits for one.
pub(crate) struct Window {
    size: u32,
    slots: Arc<Semaphore>,
    slots_at_2: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    counters: Arc<ConnectionCounters>,
    writing: mpsc::UnboundedSender<(PublishAck, Place)>,
    task: AbortHandle,
}

/// A message's place, and its share of the bytes. Free again when it is dropped.
pub(crate) struct Place {
    slot: Option<OwnedSemaphorePermit>,
    slot_at_2: Option<OwnedSemaphorePermit>,
    _bytes: OwnedSemaphorePermit,
    size: u32,
    slots: Arc<Semaphore>,
    counters: Arc<ConnectionCounters>,
}

impl Window {
    /// A window for that many messages, and that many of them at QoS 2.
    pub(crate) fn new(size: u16, size_at_2: u16, counters: Arc<ConnectionCounters>) -> Self {
        let size = u32::from(size);
        let (writing, mut written) = mpsc::unbounded_channel::<(PublishAck, Place)>();
        // A client writes messages in their order, so that one after the other can be waited for.
        let free = async move {
            while let Some((ack, place)) = written.recv().await {
                let _ = ack.await;
                drop(place);
            }
        };
        Self {
            size,
            slots: Arc::new(Semaphore::new(size as usize)),
            slots_at_2: Arc::new(Semaphore::new(usize::from(size_at_2))),
            bytes: Arc::new(Semaphore::new(MAX_BYTES as usize)),
            counters,
            writing,
            task: tokio::spawn(free).abort_handle(),
        }
    }

    /// Waits for a place for a payload of that many bytes.
    pub(crate) async fn enter(&self, length: usize) -> Result<Place, ClientError> {
        let weight = u32::try_from(length).unwrap_or(u32::MAX).clamp(1, MAX_BYTES);
        let closed = |_| ClientError::Disconnected;
        let bytes = self.bytes.clone().acquire_many_owned(weight).await.map_err(closed)?;
        let slot = self.slots.clone().acquire_owned().await.map_err(closed)?;
        let place = Place {
            slot: Some(slot),
            slot_at_2: None,
            _bytes: bytes,
            size: self.size,
            slots: self.slots.clone(),
            counters: self.counters.clone(),
        };
        place.tell();
        Ok(place)
    }

    /// As [`enter`](Self::enter), at QoS 2.
    pub(crate) async fn enter_at_2(&self, length: usize) -> Result<Place, ClientError> {
        let mut place = self.enter(length).await?;
        let slot = self.slots_at_2.clone().acquire_owned().await.map_err(|_| ClientError::Disconnected)?;
        place.slot_at_2 = Some(slot);
        Ok(place)
    }

    /// Frees the place when the client has written the message, without making anyone wait for it.
    pub(crate) fn leave_when_written(&self, ack: PublishAck, place: Place) {
        let _ = self.writing.send((ack, place));
    }

    /// Waits until nothing is on its way, and lets nothing in from now on.
    pub(crate) async fn drain(&self) {
        // Who comes later is behind this in the line, and finds the window shut.
        let all = self.slots.acquire_many(self.size).await;
        self.shut();
        drop(all);
    }

    /// Lets nothing in from now on.
    pub(crate) fn shut(&self) {
        self.slots.close();
        self.slots_at_2.close();
        self.bytes.close();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Place {
    fn tell(&self) {
        self.counters.in_flight(|| (self.size as usize).saturating_sub(self.slots.available_permits()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slot = None;
        self.tell();
    }
}

/// A message on its way to the broker's acknowledgement.
pub(crate) struct InFlight {
    ack: Option<PublishAck>,
    place: Option<Place>,
}

impl InFlight {
    /// A message that the client has, and its place.
    pub(crate) fn new(ack: PublishAck, place: Place) -> Self {
        Self { ack: Some(ack), place: Some(place) }
    }

    /// Waits for the acknowledgement. Its place is free when this is dropped.
    pub(crate) async fn acknowledged(&mut self) -> Result<(), ClientError> {
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
