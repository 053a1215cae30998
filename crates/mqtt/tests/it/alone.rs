use std::{env, fs, future::Future, process::Command, time::Duration};

use tokio::time::{Instant, sleep};

use crate::support::{QUIET, SOON};

/// Set in a process that runs one test alone.
const ALONE: &str = "MQTT_TEST_ALONE";

/// Runs a test of this name in a process of its own, where no other test has threads, files or memory.
///
/// The process is the tests' own program, told to run nothing but this test, which comes here again.
pub(crate) fn alone<F: Future<Output = ()>>(test: &str, body: impl FnOnce() -> F) {
    if env::var_os(ALONE).is_none() {
        let ended = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let written =
            [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(ended.status.success(), "{written}");
        assert!(written.contains("1 passed"), "no test of that name: {written}");
        tell(&written);
        return;
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(body());
}

/// Figures, shown with `--nocapture`.
#[allow(clippy::print_stdout)]
pub(crate) fn tell(figures: &str) {
    println!("{figures}");
}

/// What this process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
}

impl Held {
    fn now() -> Self {
        let count = |folder: &str| fs::read_dir(folder).unwrap().count();
        Self { threads: count("/proc/self/task"), descriptors: count("/proc/self/fd") }
    }

    /// What it holds when nothing has changed for a while.
    pub(crate) async fn settled() -> Self {
        let (mut held, mut since) = (Self::now(), Instant::now());
        let deadline = Instant::now() + SOON;
        while since.elapsed() < QUIET {
            assert!(Instant::now() < deadline, "it never comes to rest: {held:?}");
            sleep(Duration::from_millis(20)).await;
            let now = Self::now();
            if now != held {
                (held, since) = (now, Instant::now());
            }
        }
        held
    }

    /// Waits until the process holds no more than this.
    pub(crate) async fn again(self, after: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            let now = Self::now();
            if now.threads <= self.threads && now.descriptors <= self.descriptors {
                tell(&format!("{after}: {now:?}, as before: {self:?}"));
                return;
            }
            assert!(Instant::now() < deadline, "{after}: {now:?}, before: {self:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A line of `/proc/self/status`, in bytes.
pub(crate) fn memory(line: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    value.and_then(|text| text.trim().strip_suffix(" kB")).unwrap().parse::<usize>().unwrap() * 1024
}
