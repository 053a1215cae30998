mod listeners;
mod receiver;
mod run;

pub(crate) use listeners::{Listeners, Listening};
pub use receiver::{CallbackMessageReceiver, IMessageReceiver};
