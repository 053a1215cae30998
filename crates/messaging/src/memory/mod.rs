mod alarm;
mod clock;
mod delivery;
mod kept;
mod known;
mod options;
mod queue;
mod receivers;
mod senders;
mod shared;
mod storage;
mod waiting;
mod work;

pub use queue::MemoryMessageQueue;
