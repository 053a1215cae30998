mod clock;
mod delivery;
mod options;
mod queue;
mod room;
mod shared;
mod storage;
mod waiters;
mod work;

pub use queue::MemoryMessageQueue;
