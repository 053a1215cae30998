use std::sync::Arc;

use tokio::{
    runtime::Handle,
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc},
    task::AbortHandle,
};

use crate::{
    client::{ClientError, PublishAck},
    counters::ConnectionCounters,
    options::QoS,
};

/// How many bytes may be on their way together. The client does not read while it cannot write, so with much more
/// it and a broker can wait for each other.
const MAX_BYTES: u32 = 4 * 1024 * 1024;

/// How many messages at QoS 0 the client may have that it has not written. So many that its thread, which writes them one by
/// one, is still busy when those who waited for room have run.
const MAX_UNWRITTEN: usize = 1024;

/// How many of them make room together: whoever waits is not woken for each.
const WRITTEN_TOGETHER: usize = MAX_UNWRITTEN / 4;

/// The places for messages on their way. Who finds none waits for one.
pub(crate) struct Window {
    size: u32,
    slots: Arc<Semaphore>,
    slots_at_2: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    unwritten: Arc<Semaphore>,
    counters: Arc<ConnectionCounters>,
    writing: mpsc::UnboundedSender<(PublishAck, u32)>,
    task: AbortHandle,
}

/// The place of a message at QoS 1 or 2, and its share of the bytes. Free again when it is dropped.
pub(crate) struct Place {
    slot: Option<OwnedSemaphorePermit>,
    _slot_at_2: Option<OwnedSemaphorePermit>,
    _bytes: OwnedSemaphorePermit,
    size: u32,
    slots: Arc<Semaphore>,
    counters: Arc<ConnectionCounters>,
}

/// The place of a message at QoS 0.
pub(crate) struct Unwritten<'a> {
    window: &'a Window,
    place: SemaphorePermit<'a>,
    bytes: SemaphorePermit<'a>,
}

impl Window {
    /// A window for that many messages at QoS 1 and 2, and that many of them at QoS 2.
    pub(crate) fn new(size: u16, size_at_2: u16, counters: Arc<ConnectionCounters>) -> Self {
        let size = u32::from(size);
        let bytes = Arc::new(Semaphore::new(MAX_BYTES as usize));
        let unwritten = Arc::new(Semaphore::new(MAX_UNWRITTEN));
        let (writing, written) = mpsc::unbounded_channel();
        let free = free_written(written, bytes.clone(), unwritten.clone());
        Self {
            size,
            slots: Arc::new(Semaphore::new(size as usize)),
            slots_at_2: Arc::new(Semaphore::new(usize::from(size_at_2))),
            bytes,
            unwritten,
            counters,
            writing,
            task: tokio::spawn(free).abort_handle(),
        }
    }

    /// Waits for a place for a payload of that many bytes at QoS 1 or 2.
    pub(crate) async fn enter(&self, length: usize, qos: QoS) -> Result<Place, ClientError> {
        let bytes = self.bytes.clone().acquire_many_owned(weight(length)).await.map_err(shut)?;
        let slot = self.slots.clone().acquire_owned().await.map_err(shut)?;
        let slot_at_2 = match qos {
            QoS::ExactlyOnce => Some(self.slots_at_2.clone().acquire_owned().await.map_err(shut)?),
            _ => None,
        };
        let place = Place {
            slot: Some(slot),
            _slot_at_2: slot_at_2,
            _bytes: bytes,
            size: self.size,
            slots: self.slots.clone(),
            counters: self.counters.clone(),
        };
        place.tell();
        Ok(place)
    }

    /// Waits for a place for a payload of that many bytes at QoS 0.
    pub(crate) async fn enter_unwritten(&self, length: usize) -> Result<Unwritten<'_>, ClientError> {
        let bytes = self.bytes.acquire_many(weight(length)).await.map_err(shut)?;
        let place = self.unwritten.acquire().await.map_err(shut)?;
        Ok(Unwritten { window: self, place, bytes })
    }

    /// Waits until nothing is on its way, and lets nothing in from now on.
    pub(crate) async fn drain(&self) {
        // Who comes later is behind this in the line, and finds the window shut.
        let all = tokio::join!(
            self.slots.acquire_many(self.size),
            self.unwritten.acquire_many(MAX_UNWRITTEN as u32)
        );
        self.shut();
        drop(all);
    }

    /// Lets nothing in from now on.
    pub(crate) fn shut(&self) {
        self.slots.close();
        self.unwritten.close();
        self.slots_at_2.close();
        self.bytes.close();
    }
}

/// The part of the bytes that a payload takes.
fn weight(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX).clamp(1, MAX_BYTES)
}

fn shut(_: AcquireError) -> ClientError {
    ClientError::Disconnected
}

/// Gives back the places of messages that the client has written, which it does in their order.
async fn free_written(
    mut written: mpsc::UnboundedReceiver<(PublishAck, u32)>,
    bytes: Arc<Semaphore>,
    unwritten: Arc<Semaphore>,
) {
    let mut messages = Vec::with_capacity(WRITTEN_TOGETHER);
    while written.recv_many(&mut messages, WRITTEN_TOGETHER).await > 0 {
        if let Some((newest, _)) = messages.last_mut() {
            let _ = newest.await;
        }
        bytes.add_permits(messages.iter().map(|(_, weight)| *weight as usize).sum());
        unwritten.add_permits(messages.len());
        messages.clear();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Unwritten<'_> {
    /// Frees the place when the client has written the message, without making anyone wait for it.
    pub(crate) fn leave_when_written(self, ack: PublishAck) {
        let weight = self.bytes.num_permits() as u32;
        self.place.forget();
        self.bytes.forget();
        let _ = self.window.writing.send((ack, weight));
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
