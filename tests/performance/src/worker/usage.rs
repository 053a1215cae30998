use std::{fs, io::ErrorKind};

use crate::outcome::Outcome;

/// Processor time of the threads of this process, of user and system, in seconds. That of threads that have ended is not in
/// it; none does while something is measured.
pub(super) fn cpu_seconds() -> Outcome<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir("/proc/self/task")? {
        // What /proc/self/stat has comes in steps of a hundredth of a second, which is too coarse for few messages.
        let stat = match fs::read_to_string(thread?.path().join("schedstat")) {
            Ok(stat) => stat,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let on_a_processor = stat.split_whitespace().next().ok_or("a schedstat is empty")?;
        nanoseconds += on_a_processor.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
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
    fn a_process_that_works_has_used_time() {
        let before = cpu_seconds().unwrap();
        while cpu_seconds().unwrap() < before + 0.02 {}
    }

    #[test]
    fn the_peak_is_not_below_what_is_in_use() {
        let used = memory().unwrap();
        assert!(used > 0.1 && peak_memory().unwrap() >= used);
    }
}
