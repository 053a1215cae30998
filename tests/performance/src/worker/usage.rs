use std::fs;

use crate::outcome::Outcome;

/// How many ticks the kernel counts in a second for programs, on every architecture that matters.
const TICKS: f64 = 100.0;

/// Processor time of this process, of user and system, in seconds. In steps of a hundredth.
pub(super) fn cpu_seconds() -> Outcome<f64> {
    // The second field is a name in parentheses, in which there can be anything.
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS)
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
        while cpu_seconds().unwrap() < before + 2.0 / TICKS {}
    }

    #[test]
    fn the_peak_is_not_below_what_is_in_use() {
        let used = memory().unwrap();
        assert!(used > 0.1 && peak_memory().unwrap() >= used);
    }
}
