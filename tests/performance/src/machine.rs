use std::{fs, process::Command};

use crate::{contenders::Python, outcome::Outcome};

const LOCK: &str = include_str!("../../../Cargo.lock");

/// What measured, and what was measured.
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) system: String,
    pub(crate) mosquitto: String,
    pub(crate) rustc: String,
    pub(crate) python: Option<String>,
    /// What else the machine had to do when this began.
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn look(python: Option<&Python>) -> Outcome<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let processor = processors.lines().find(|line| line.starts_with("model name"));
        let processor =
            processor.and_then(|line| line.split(':').nth(1)).unwrap_or("unknown").trim().to_owned();
        let system = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            processor,
            system: format!("Linux {}", system.trim()),
            // Debian has it where not every user looks.
            mosquitto: first_line(Command::new("mosquitto").arg("-h"))
                .or_else(|_| first_line(Command::new("/usr/sbin/mosquitto").arg("-h")))?,
            rustc: first_line(Command::new("rustc").arg("--version"))?,
            python: python.map(Python::version).transpose()?,
            load: load()?,
        })
    }

    /// The version of a crate that is used.
    pub(crate) fn version_of(name: &str) -> &'static str {
        let head = format!("name = \"{name}\"\nversion = \"");
        let found = LOCK.find(&head).map(|start| &LOCK[start + head.len()..]);
        found.and_then(|rest| rest.split('"').next()).unwrap_or("unknown")
    }
}

/// How many processes were ready to run in the last minute, on average.
pub(crate) fn load() -> Outcome<String> {
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').next().unwrap_or_default().to_owned())
}

fn first_line(command: &mut Command) -> Outcome<String> {
    let output = command.output()?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_the_contenders_are_found() {
        for name in ["pip-services-mqtt", "paho-mqtt", "rumqttc"] {
            let version = Machine::version_of(name);
            assert_eq!(version.split('.').count(), 3, "{name} {version}");
        }
        assert_eq!(Machine::version_of("no-such-crate"), "unknown");
    }
}
