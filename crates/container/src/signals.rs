use std::{io, process, thread};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::{runtime::Builder, sync::oneshot};

/// Ended by a second signal, as shells tell it of SIGINT.
const INTERRUPTED: i32 = 130;

/// Waits for the signal that asks the process to stop. The one after it ends the process.
///
/// It does so on a thread of its own, since a component can keep the threads of the runtime, by mistake, and would
/// keep the process from being stopped. Where this is dropped before a signal came, the thread ends.
pub(crate) struct StopSignal(oneshot::Receiver<&'static str>);

impl StopSignal {
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::new()?
        };
        let (mut sender, receiver) = oneshot::channel();
        let wait = async move {
            let signal = tokio::select! {
                signal = signals.next() => signal,
                () = sender.closed() => return,
            };
            // Where nobody waits any more, the process is at its end already.
            let _ = sender.send(signal);
            signals.next().await;
            process::exit(INTERRUPTED);
        };
        thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(wait))?;
        Ok(Self(receiver))
    }

    /// The name of the signal.
    pub(crate) async fn wait(&mut self) -> &'static str {
        match (&mut self.0).await {
            Ok(signal) => signal,
            // The thread has panicked, which nothing in it does.
            Err(_) => std::future::pending().await,
        }
    }
}

/// The signals that ask the process to stop. Once there was one of these, they do not end the process by themselves.
#[cfg(unix)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The name of the next signal.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// The signals that ask the process to stop: Ctrl-C alone.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// The name of the next signal.
    async fn next(&mut self) -> &'static str {
        self.0.recv().await;
        "Ctrl-C"
    }
}
