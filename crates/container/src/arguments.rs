use std::{ffi::OsString, path::PathBuf};

use pip_services_commons::config::ConfigParams;

/// Where the configuration is, unless the arguments tell.
const CONFIG_PATH: &str = "./config/config.yml";

/// What `--help` writes.
pub(crate) const HELP: &str = "\
Options:
  -c, --config PATH   the configuration file (default ./config/config.yml)
  -p, --param KEY=VALUE
                      a parameter of the configuration file, over the environment
                      variable of that name; can be repeated
  -h, --help          write this help
";

/// The arguments of a process.
#[derive(Debug, PartialEq)]
pub(crate) enum Arguments {
    Help,
    Run { path: PathBuf, parameters: ConfigParams },
}

impl Arguments {
    /// Reads arguments, without the program's name.
    ///
    /// # Errors
    /// What is wrong with them, for a person.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut path = PathBuf::from(CONFIG_PATH);
        let mut parameters = ConfigParams::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let name = argument.to_string_lossy().into_owned();
            let mut value = || arguments.next().ok_or_else(|| format!("{name} must be followed by a value"));
            match name.as_str() {
                "-h" | "--help" => return Ok(Self::Help),
                "-c" | "--config" => path = value()?.into(),
                "-p" | "--param" | "--params" => {
                    // The value is not shown: it can be a secret.
                    let text =
                        value()?.into_string().map_err(|_| format!("the value of {name} is not Unicode"))?;
                    match text.split_once('=') {
                        Some((key, value)) if !key.is_empty() => parameters.put(key, value),
                        _ => return Err(format!("{name} must be followed by KEY=VALUE")),
                    }
                }
                _ => return Err(format!("unknown argument '{name}'")),
            }
        }
        Ok(Self::Run { path, parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(arguments.iter().map(OsString::from))
    }

    fn run(path: &str, parameters: &[(&str, &str)]) -> Result<Arguments, String> {
        Ok(Arguments::Run {
            path: path.into(),
            parameters: ConfigParams::from_tuples(parameters.iter().copied()),
        })
    }

    #[test]
    fn without_arguments_the_default_file_is_read() {
        assert_eq!(parse(&[]), run("./config/config.yml", &[]));
    }

    #[test]
    fn every_form_of_an_option_is_understood() {
        for (config, param) in [("-c", "-p"), ("--config", "--param"), ("--config", "--params")] {
            let arguments = [config, "a.yml", param, "A=1", param, "B=x=y;z", param, "C="];
            assert_eq!(parse(&arguments), run("a.yml", &[("A", "1"), ("B", "x=y;z"), ("C", "")]));
        }
        assert_eq!(parse(&["-c", "a.yml", "-h"]), Ok(Arguments::Help));
        assert_eq!(parse(&["--help"]), Ok(Arguments::Help));
    }

    #[test]
    fn wrong_usage_is_told_without_showing_values() {
        let cases: [(&[&str], &str); 5] = [
            (&["-c"], "-c must be followed by a value"),
            (&["--param"], "--param must be followed by a value"),
            (&["-p", "hunter2"], "-p must be followed by KEY=VALUE"),
            (&["-p", "=hunter2"], "-p must be followed by KEY=VALUE"),
            (&["orders"], "unknown argument 'orders'"),
        ];
        for (arguments, expected) in cases {
            assert_eq!(parse(arguments), Err(expected.to_owned()));
        }
    }
}
