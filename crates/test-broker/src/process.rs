//! A child process that is signalled, waited for, and never left behind.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at that nobody announces.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// How long the kernel gets to stop a process.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(5);

/// A child process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    // `None` after the end.
    guard: Option<Guard>,
}

impl Process {
    /// Starts the command. If this process ends without dropping the value, the child is killed and the folder with
    /// its files removed.
    pub(crate) fn spawn(command: &mut Command, folder: &Path) -> io::Result<Self> {
        let mut child = command.spawn()?;
        match Guard::over(child.id(), folder) {
            Ok(guard) => Ok(Self { child, guard: Some(guard) }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ended by itself, and how.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Asks it to end and waits for that. Returns whether it ended in time.
    pub(crate) fn terminate(&mut self, within: Duration) -> io::Result<bool> {
        if self.ended()?.is_some() {
            return Ok(true);
        }
        signal(self.id(), "TERM")?;
        let deadline = Instant::now() + within;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(true)
    }

    /// Kills it and waits for its end, after which the kernel has closed its sockets.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        // In this order: the guard may only go when there is nothing left to kill.
        self.child.kill()?;
        self.child.wait()?;
        self.guard = None;
        Ok(())
    }

    /// Stops it from running, and waits until it does not run.
    pub(crate) fn freeze(&self) -> io::Result<()> {
        signal(self.id(), "STOP")?;
        let deadline = Instant::now() + FREEZE_TIMEOUT;
        while is_stopped(self.id()) == Some(false) {
            if Instant::now() >= deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the process goes on"));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Lets it run again.
    pub(crate) fn thaw(&self) -> io::Result<()> {
        signal(self.id(), "CONT")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.kill();
    }
}

/// A shell that waits for the end of this process, which closes its input, then kills the child and removes its
/// folder. It covers what `Drop` does not: a test runner that is killed, and a broker in a `static`.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    fn over(child: u32, folder: &Path) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command
            .args(["-c", "read -r _; kill -s KILL \"$1\"; rm -rf \"$2\"", "sh", &child.to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Away from the terminal's Ctrl-C, which is one of the things that it guards against.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map(Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Killed before its input closes with this value: by now the number may be another process's.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal to a child that has not been waited for, so that the number is still its own. By way of the shell,
/// whose `kill` is built in: not every system has a program of that name, and to call the function takes `unsafe`.
fn signal(process: u32, name: &str) -> io::Result<()> {
    let output = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &process.to_string()])
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "kill -s {name} {process}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

/// Whether the process is stopped by a signal; `None` where the system does not say.
fn is_stopped(process: u32) -> Option<bool> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).ok()?;
    // The state comes after the name, which stands in parentheses and may hold anything.
    let (_, after_name) = stat.rsplit_once(')')?;
    Some(after_name.trim_start().starts_with(['T', 't']))
}
