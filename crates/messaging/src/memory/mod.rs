mod lock_token;
mod options;
mod queue;
mod storage;

pub use queue::MemoryMessageQueue;
