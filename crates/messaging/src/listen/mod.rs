mod listeners;
mod receiver;
mod run;

pub use listeners::{Listeners, Listening};
pub use receiver::{CallbackMessageReceiver, IMessageReceiver};
