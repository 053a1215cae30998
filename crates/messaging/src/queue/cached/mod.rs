mod cache;
mod inbox;
mod options;
mod queue;
mod readiness;
mod subscription;

pub use inbox::MessageInbox;
pub use queue::CachedMessageQueue;
pub use subscription::ISubscription;
