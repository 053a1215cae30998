use std::{
    env,
    fs::File,
    sync::{Mutex, MutexGuard, PoisonError},
};

static TURN: Mutex<()> = Mutex::new(());

/// The right to break things. Only one case of a test program has it at a time, also where a runner gives each
/// case a process of its own.
pub(super) struct Exclusive {
    _among_processes: Option<File>,
    _among_threads: MutexGuard<'static, ()>,
}

impl Exclusive {
    /// Waits for it.
    pub(super) fn wait() -> Self {
        let among_threads = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // All these processes run the same program, so that its file can be what they lock: nothing has to be
        // made or removed. Where the system cannot lock it, threads are all there is to keep apart.
        let program = env::current_exe().and_then(File::open);
        let among_processes = program.ok().filter(|file| file.lock().is_ok());
        Self { _among_processes: among_processes, _among_threads: among_threads }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn only_one_has_it_at_a_time() {
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _exclusive = Exclusive::wait();
                        assert_eq!(inside.fetch_add(1, Ordering::AcqRel), 0);
                        inside.fetch_sub(1, Ordering::AcqRel);
                    }
                });
            }
        });
    }

    #[test]
    fn another_process_finds_the_program_locked() {
        let _exclusive = Exclusive::wait();
        // Another process opens the file anew, as this does.
        let other = File::open(env::current_exe().unwrap()).unwrap();
        assert!(matches!(other.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    }
}
