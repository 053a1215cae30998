use std::fs;

use rustix::time::{ClockId, clock_gettime};

use crate::outcome::Outcome;

/// Processor time of this process, of user and system, in seconds.
pub(super) fn cpu_seconds() -> f64 {
    // What /proc/self/stat has comes in steps of a hundredth of a second, which is too coarse for few messages.
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// Memory that is in use now, in MiB.
pub(super) fn memory() -> Outcome<f64> {
    status("VmRSS:")
}

/// The most memory that was ever in use, in MiB.
pub(super) fn peak_memory() -> Outcome<f64> {
    status("VmHWM:")
}

fn status(field: &str) -> Outcome<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib =
        line.and_then(|line| line.split_whitespace().next()).ok_or("/proc/self/status lacks a field")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_worked_has_used_time_even_when_it_is_gone() {
        let before = cpu_seconds();
        let work = move || while cpu_seconds() < before + 0.02 {};
        std::thread::spawn(work).join().unwrap();
        assert!(cpu_seconds() >= before + 0.02);
    }

    #[test]
    fn the_peak_is_not_below_what_is_in_use() {
        let used = memory().unwrap();
        assert!(used > 0.1 && peak_memory().unwrap() >= used);
    }
}
