use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::outcome::Outcome;

/// The toolkit's queue for Python, in a virtual environment.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    interpreter: PathBuf,
}

impl Python {
    pub(crate) const NAME: &str = "Python queue";

    /// The packages. With version 2 of its client the queue does not work, and it imports what newer setuptools lack.
    pub(crate) const PACKAGES: [&str; 3] = ["pip-services3-mqtt==3.0.1", "paho-mqtt==1.6.1", "setuptools<81"];

    const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/driver.py");

    /// Makes the environment in that folder, where it is not there yet.
    pub(crate) fn install(folder: &Path) -> Outcome<Self> {
        let interpreter = folder.join("bin/python");
        let complete = folder.join("complete");
        if !complete.exists() {
            eprintln!("installing {} from PyPI into {}", Self::PACKAGES.join(", "), folder.display());
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            run(Command::new(&interpreter).args(pip).args(Self::PACKAGES))?;
            std::fs::write(complete, "")?;
        }
        Ok(Self { interpreter })
    }

    pub(crate) fn command(&self, task: &str) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.args([Self::DRIVER, task]);
        command
    }

    /// As in `Python 3.11.7`.
    pub(crate) fn version(&self) -> Outcome<String> {
        let output = Command::new(&self.interpreter).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn run(command: &mut Command) -> Outcome<()> {
    // What it prints would be in between the tables.
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        // venv complains on standard output.
        false => {
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            Err(format!("{command:?} failed: {said}").into())
        }
    }
}
