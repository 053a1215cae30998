use std::{
    io::{BufRead, BufReader, Write},
    process::{Child as Process, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use crate::{job::Told, outcome::Outcome};

/// Longer than any measurement takes; what says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that is measured. It speaks in lines: `ready`, `got`, and at its end `done` with what it has to tell. It is
/// killed when this is dropped.
pub(crate) struct Child {
    process: Process,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Child {
    pub(crate) fn start(mut command: Command) -> Outcome<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("a process has no pipes".into());
        };
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { process, input, lines })
    }

    /// Waits until it says this word.
    pub(crate) fn wait_for(&mut self, word: &str) -> Outcome<()> {
        let line = self.line()?;
        if line == word { Ok(()) } else { Err(format!("a process says {line:?} instead of {word:?}").into()) }
    }

    /// Lets it begin.
    pub(crate) fn go(&mut self) -> Outcome<()> {
        Ok(writeln!(self.input, "go")?)
    }

    /// Waits for its end, and for what it tells.
    pub(crate) fn told(mut self) -> Outcome<Told> {
        let line = self.line()?;
        match line.strip_prefix("done ") {
            Some(told) => Ok(serde_json::from_str(told)?),
            None => Err(format!("a process says {line:?} instead of what it measured").into()),
        }
    }

    fn line(&mut self) -> Outcome<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => "a process says nothing any more".into(),
            mpsc::RecvTimeoutError::Disconnected => "a process ended early".into(),
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It can have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
