/// Exit codes, without leaving the test's process. No container gets open here, since it would wait for a signal, and a
/// signal reaches all of a process.
mod in_process;
/// A service in a process of its own: signals, what hangs or blocks, and what is written.
#[cfg(unix)]
mod own_process;
/// That process.
#[cfg(unix)]
mod service;
