use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    process::{self, Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use pip_services_container::ProcessContainer;
use tokio::runtime::Builder;

use crate::parts::{Journal, part_factory};

/// Long enough for anything that must happen on a loaded machine.
const SOON: Duration = Duration::from_secs(30);

/// Where a service that was started by a test finds its arguments, one on each line.
const ARGUMENTS: &str = "CONTAINER_TEST_ARGUMENTS";

/// A service in a process of its own. Dropping it kills it.
pub(crate) struct Service {
    child: Child,
    lines: Receiver<String>,
    written: Vec<String>,
}

/// How a service ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Everything that it wrote.
    pub(crate) written: String,
}

impl Service {
    /// Starts a service with these arguments, which can make parts.
    ///
    /// The process is the test's own program, told to run nothing but the test of this name, which comes here again
    /// and then is the service. Its runtime is set up and taken down as by `#[tokio::main]` with this many threads, 0
    /// for the flavor `current_thread`. Its environment has `GIVEN_BY_ENVIRONMENT`, which is `environment`.
    pub(crate) fn start<A: AsRef<OsStr>>(test: &str, threads: usize, arguments: &[A]) -> Self {
        if let Ok(arguments) = env::var(ARGUMENTS) {
            be_the_service(threads, &arguments);
        }
        let arguments: Vec<_> =
            arguments.iter().map(|argument| argument.as_ref().to_str().unwrap()).collect();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(ARGUMENTS, arguments.join("\n"))
            .env("GIVEN_BY_ENVIRONMENT", "environment")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        pass_lines(child.stdout.take().unwrap(), sender.clone());
        pass_lines(child.stderr.take().unwrap(), sender);
        Self { child, lines, written: Vec::new() }
    }

    /// Waits until it writes a line with this text.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + SOON;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.written.push(line);
            if self.written.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
        panic!("'{text}' was not written:\n{}", self.written.join("\n"));
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &id]).status();
        assert!(sent.unwrap().success(), "cannot send {name} to {id}");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let status = self.status();
        let written = [std::mem::take(&mut self.written), self.lines.iter().collect()].concat().join("\n");
        let status = status.unwrap_or_else(|| panic!("it did not end:\n{written}"));
        Ended { code: status.code(), written }
    }

    /// How it ended, `None` if it had to be killed.
    fn status(&mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        // Its end is what ends its lines.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        None
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn be_the_service(threads: usize, arguments: &str) -> ! {
    let process = ProcessContainer::new("tests");
    process.add_factory(Arc::new(part_factory(&Journal::printed())));
    let mut runtime = match threads {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(threads.max(1)).enable_all().build().unwrap();
    let code = runtime.block_on(process.run(arguments.lines()));
    drop(runtime);
    process::exit(code.into());
}

fn pass_lines(output: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}
