use std::{
    io::{self, Write},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Lines, SOON};

/// A program that runs. Dropping it kills it.
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    /// What it writes to standard output.
    pub stdout: Lines,
    /// What it writes to standard error.
    pub stderr: Lines,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: Vec<String>,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs a program that ends by itself, without any input.
///
/// # Panics
/// If it cannot be started, or does not end soon.
pub fn run(command: &mut Command) -> Ended {
    let mut running = Running::start(command);
    running.end_input();
    running.wait()
}

impl Running {
    /// Starts it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        Self::try_start(command).unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
    }

    pub(crate) fn try_start(command: &mut Command) -> io::Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Ok(Self { child, input, stdout, stderr })
    }

    /// Writes to its standard input.
    ///
    /// # Panics
    /// If the program has closed it.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.input.as_mut().unwrap().write_all(bytes.as_ref()).unwrap();
    }

    /// Closes its standard input.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Sends it a signal, such as `TERM`. By way of the shell: not every system has a program `kill`.
    ///
    /// # Panics
    /// If it has ended.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &id]).status();
        assert!(sent.unwrap().success(), "cannot send {name} to {id}");
    }

    /// Waits for its end. Its standard input stays as it is.
    ///
    /// # Panics
    /// If it does not end soon.
    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() >= deadline {
                // Its end is what ends its outputs.
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                panic!("it did not end:\n{}", self.written());
            }
            thread::sleep(Duration::from_millis(5));
        };
        let (stdout, stderr) = self.outputs();
        Ended { code: status.code(), stdout: stdout.all(), stderr: stderr.all().join("\n") }
    }

    fn outputs(&mut self) -> (Lines, Lines) {
        let nothing = || Lines::of(io::empty());
        (std::mem::replace(&mut self.stdout, nothing()), std::mem::replace(&mut self.stderr, nothing()))
    }

    fn written(&mut self) -> String {
        let (stdout, stderr) = self.outputs();
        format!("{}\n{}", stdout.all().join("\n"), stderr.all().join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
