use std::{
    env,
    ffi::OsString,
    fmt::Display,
    io::{self, Write as _},
    process,
    sync::Arc,
};

use pip_services_commons::{
    config::ConfigParams,
    errors::{ApplicationError, ErrorCategory},
};
use pip_services_components::{build::IFactory, config::ConfigTemplate, log::ILogger};

use crate::{
    Container, ContainerConfig,
    arguments::{Arguments, HELP},
    signals::Signals,
};

/// The container was closed as asked, and nothing failed.
const CLOSED: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// A person must correct the arguments or the configuration.
const MISCONFIGURED: u8 = 2;
/// Ended by a second signal, as shells tell it of SIGINT.
const INTERRUPTED: i32 = 130;

/// A container that is a process: it reads its configuration by the process's arguments, and runs until a
/// signal asks it to stop; ports `ProcessContainer`.
///
/// | argument | default | meaning |
/// |---|---|---|
/// | `-c`, `--config` `PATH` | `./config/config.yml` | the configuration file, see [`ContainerConfigReader`](crate::ContainerConfigReader) |
/// | `-p`, `--param` `KEY=VALUE` | | a parameter of the file's template; can be repeated |
/// | `-h`, `--help` | | writes help to standard output |
///
/// The environment variables are parameters too; the arguments go over them.
///
/// The first SIGINT or SIGTERM closes the container, also while it is still opening. A second one ends the
/// process at once.
///
/// ```no_run
/// use std::{env, process::ExitCode, sync::Arc};
/// use pip_services_components::build::Factory;
/// use pip_services_container::ProcessContainer;
///
/// #[tokio::main]
/// async fn main() -> ExitCode {
///     let container = ProcessContainer::new("orders");
///     container.add_factory(Arc::new(Factory::new()));
///     container.run(env::args_os().skip(1)).await.into()
/// }
/// ```
pub struct ProcessContainer {
    container: Container,
}

impl ProcessContainer {
    /// A process of this name, which is the correlation id of its start and stop too.
    pub fn new(name: impl Into<String>) -> Self {
        Self { container: Container::new(name) }
    }

    /// The container that runs.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Adds a factory to the container, see [`Container::add_factory`].
    pub fn add_factory(&self, factory: Arc<dyn IFactory>) {
        self.container.add_factory(factory);
    }

    /// Runs the container by these arguments, without the program's name, until a signal stops it.
    ///
    /// Gives the exit code of the process: 0 closed cleanly, 1 something failed, 2 the arguments or the
    /// configuration are wrong. What failed is written to standard error, and through the container's logger
    /// as far as it has one by then. A second signal ends the process from within, with 130.
    pub async fn run<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> u8 {
        let (path, parameters) = match Arguments::parse(arguments.into_iter().map(Into::into)) {
            Ok(Arguments::Run { path, parameters }) => (path, parameters),
            Ok(Arguments::Help) => {
                // A closed pipe is no reason to fail.
                let _ = io::stdout().lock().write_all(HELP.as_bytes());
                return CLOSED;
            }
            Err(usage) => {
                self.write(format_args!("{usage}\n\n{HELP}"));
                return MISCONFIGURED;
            }
        };
        let parameters = ConfigTemplate::override_parameters(&environment(), &parameters);
        let read = self.container.read_config_from_file(self.correlation_id(), path, &parameters);
        match read {
            Ok(()) => self.run_configured().await,
            Err(error) => {
                self.write_error(&error);
                match error.category() {
                    ErrorCategory::FileError => MISCONFIGURED,
                    _ => exit_code(&error),
                }
            }
        }
    }

    /// Runs the container with this configuration until a signal stops it. Arguments and environment are
    /// not read. Gives the exit code, as [`run`](Self::run).
    pub async fn run_with_config(&self, config: ContainerConfig) -> u8 {
        self.container.configure(config);
        self.run_configured().await
    }

    async fn run_configured(&self) -> u8 {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => {
                self.write(format_args!("cannot listen to signals: {error}"));
                return FAILED;
            }
        };
        let signal = tokio::select! {
            opened = self.container.open(self.correlation_id()) => match opened {
                Ok(()) => signals.next().await,
                Err(error) => {
                    self.write_error(&error);
                    return exit_code(&error);
                }
            },
            signal = signals.next() => signal,
        };
        self.container
            .logger()
            .info(self.correlation_id(), format_args!("{signal}: stopping, a second one stops at once"));
        tokio::select! {
            closed = self.container.close(self.correlation_id()) => match closed {
                Ok(()) => CLOSED,
                Err(error) => {
                    self.write_error(&error);
                    FAILED
                }
            },
            // To return would not be at once: the runtime waits for what blocks, which may be why it hangs.
            _ = signals.next() => process::exit(INTERRUPTED),
        }
    }

    fn correlation_id(&self) -> Option<&str> {
        Some(self.container.name())
    }

    fn write_error(&self, error: &ApplicationError) {
        match error.detail("component") {
            Some(component) => self.write(format_args!("{component}: {error:#}")),
            None => self.write(format_args!("{error:#}")),
        }
    }

    fn write(&self, text: impl Display) {
        // Where standard error is closed, nothing can be told any more.
        let _ = writeln!(io::stderr().lock(), "{}: {text}", self.container.name());
    }
}

fn exit_code(error: &ApplicationError) -> u8 {
    match error.category() {
        ErrorCategory::Misconfiguration => MISCONFIGURED,
        _ => FAILED,
    }
}

/// The environment variables that are Unicode; others cannot be parameters.
fn environment() -> ConfigParams {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
