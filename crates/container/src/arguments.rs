use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

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
        let mut arguments = arguments.into_iter().zip(1..);
        while let Some((argument, number)) = arguments.next() {
            let (name, value) = split(&argument);
            let mut value = || match value {
                Some(value) => Ok(value.into()),
                None => match arguments.next() {
                    Some((value, _)) => Ok(value),
                    None => Err(format!("{name} must be followed by a value")),
                },
            };
            match name {
                "-h" | "--help" => return Ok(Self::Help),
                "-c" | "--config" => path = PathBuf::from(value()?),
                "-p" | "--param" | "--params" => {
                    // The value is not shown: it can be a secret.
                    let text =
                        value()?.into_string().map_err(|_| format!("the value of {name} is not Unicode"))?;
                    match text.split_once('=') {
                        Some((key, value)) if !key.is_empty() => parameters.put(key, value),
                        _ => return Err(format!("{name} must be followed by KEY=VALUE")),
                    }
                }
                _ if name.starts_with('-') => {
                    let (name, _) = name.split_once('=').unwrap_or((name, ""));
                    return Err(format!("unknown argument '{name}'"));
                }
                // It can be the rest of a parameter that should have been quoted.
                _ => return Err(format!("argument {number} is no option, nor does it belong to one")),
            }
        }
        Ok(Self::Run { path, parameters })
    }
}

/// The name of an option, and its value where it is in the same argument, as in `--config=PATH`.
fn split(argument: &OsStr) -> (&str, Option<&str>) {
    // What is not Unicode is no option.
    let argument = argument.to_str().unwrap_or_default();
    match argument.split_once('=') {
        Some((name, value)) if name.starts_with("--") => (name, Some(value)),
        _ => (argument, None),
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
        let joined = ["--config=a=b.yml", "--param=A=1", "--params=B=x=y"];
        assert_eq!(parse(&joined), run("a=b.yml", &[("A", "1"), ("B", "x=y")]));
        assert_eq!(parse(&["-c", "a.yml", "-h"]), Ok(Arguments::Help));
        assert_eq!(parse(&["--help"]), Ok(Arguments::Help));
    }

    #[test]
    fn wrong_usage_is_told_without_showing_values() {
        let cases: [(&[&str], &str); 9] = [
            (&["-c"], "-c must be followed by a value"),
            (&["--param"], "--param must be followed by a value"),
            (&["-p", "hunter2"], "-p must be followed by KEY=VALUE"),
            (&["-p", "=hunter2"], "-p must be followed by KEY=VALUE"),
            (&["--unknown"], "unknown argument '--unknown'"),
            (&["--parameter=PASSWORD=hunter2"], "unknown argument '--parameter'"),
            (&["-pPASSWORD=hunter2"], "unknown argument '-pPASSWORD'"),
            (&["-p", "A=1", "PASSWORD=hunter2"], "argument 3 is no option, nor does it belong to one"),
            (&["--param", "PASSWORD=", "hunter2"], "argument 3 is no option, nor does it belong to one"),
        ];
        for (arguments, expected) in cases {
            assert_eq!(parse(arguments), Err(expected.to_owned()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_can_be_any_bytes_and_a_parameter_must_be_unicode() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(b"A=\xff".into());
        let parse = |name: &str| Arguments::parse([name.into(), bytes()]);
        let expected = Arguments::Run { path: bytes().into(), parameters: ConfigParams::new() };
        assert_eq!(parse("-c"), Ok(expected));
        assert_eq!(parse("-p"), Err("the value of -p is not Unicode".to_owned()));
        let alone = Arguments::parse([bytes()]);
        assert_eq!(alone, Err("argument 1 is no option, nor does it belong to one".to_owned()));
    }
}
