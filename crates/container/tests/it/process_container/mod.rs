/// Exit codes and parameters, without leaving the test's process.
mod in_process;
/// A service in a process of its own: signals, what hangs or blocks, and what is written.
mod own_process;
/// That process.
mod service;
