mod handling;
mod listened;
mod listeners;
mod receiver;
mod run;
mod source;
#[cfg(feature = "test-util")]
mod test_receiver;

pub use listened::{ListenedQueue, Readiness};
pub(crate) use listeners::{Begun, END_TIMEOUT, Listeners, Listening};
pub use receiver::{CallbackMessageReceiver, IMessageReceiver};
#[cfg(feature = "test-util")]
pub use test_receiver::TestMessageReceiver;
