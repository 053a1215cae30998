use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use crate::SOON;

/// The lines that a program writes to one of its outputs.
pub struct Lines {
    receiver: Receiver<String>,
    all: Vec<String>,
    /// How many of them were looked at by one of the waits.
    read: usize,
}

impl Lines {
    /// Reads on a thread of its own, so that the program never waits for somebody to read.
    pub(crate) fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { receiver, all: Vec::new(), read: 0 }
    }

    /// Waits for the next line.
    ///
    /// # Panics
    /// If none comes soon.
    pub fn next_line(&mut self) -> String {
        self.next_line_with("")
    }

    /// Waits for the next line that has this part, and passes over those before it.
    ///
    /// # Panics
    /// If none comes soon.
    pub fn next_line_with(&mut self, part: &str) -> String {
        self.find(part, SOON).unwrap_or_else(|| panic!("no line with '{part}' came after:\n{self}"))
    }

    /// As [`next_line_with`](Self::next_line_with), within a time of its own; `None` when none came.
    pub fn find(&mut self, part: &str, within: Duration) -> Option<String> {
        let deadline = Instant::now() + within;
        loop {
            while self.read == self.all.len() {
                let left = deadline.saturating_duration_since(Instant::now());
                self.all.push(self.receiver.recv_timeout(left).ok()?);
            }
            let line = &self.all[self.read];
            self.read += 1;
            if line.contains(part) {
                return Some(line.clone());
            }
        }
    }

    /// All lines up to the end of the output, those read before too.
    ///
    /// # Panics
    /// If the output does not end soon, which it does with the program.
    pub fn all(mut self) -> Vec<String> {
        let deadline = Instant::now() + SOON;
        loop {
            match self.receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.all.push(line),
                Err(RecvTimeoutError::Disconnected) => return self.all,
                Err(RecvTimeoutError::Timeout) => panic!("the output did not end after:\n{self}"),
            }
        }
    }
}

impl fmt::Display for Lines {
    /// What was written up to now.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.all.join("\n"))
    }
}
