use std::{
    env,
    ffi::OsString,
    fmt::Display,
    io::{self, Write as _},
    path::Path,
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
    container::NotOpened,
    managed::at_fault,
    signals::StopSignal,
};

/// The container was closed as asked, and nothing failed.
const CLOSED: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// A person must correct the arguments or the configuration.
const MISCONFIGURED: u8 = 2;

/// A container that is a process: it reads its configuration by the process's arguments, and runs until a
/// signal asks it to stop; ports `ProcessContainer`.
///
/// | argument | default | meaning |
/// |---|---|---|
/// | `-c`, `--config` `PATH` | `./config/config.yml` | the configuration file, see [`ContainerConfigReader`](crate::ContainerConfigReader) |
/// | `-p`, `--param` `KEY=VALUE` | | a parameter of the file's template; can be repeated |
/// | `-h`, `--help` | | writes help to standard output |
///
/// `--config=PATH` and `--param=KEY=VALUE` mean the same. The environment variables are parameters too; the arguments
/// go over them. What is wrong with arguments is told without their values, which can be secrets.
///
/// The first SIGINT or SIGTERM closes the container, also while it is still opening. A second one ends the
/// process at once, even where a component keeps all threads of the runtime.
///
/// A component that takes too long to close is given up, see [`Container`] for how long, and named in the log and on
/// standard error. The process then ends from within: the component may keep a thread, for which `#[tokio::main]`
/// would wait at the end of `main`. It waits so too for blocking tasks that nobody has ended; a second signal ends
/// the process then as well.
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
    /// as far as it has one by then. It does not return where a second signal ends the process, with 130, or where
    /// a component was given up, with that code.
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
        let read = self.container.read_config_from_file(self.correlation_id(), &path, &parameters);
        match read {
            Ok(()) => self.run_configured(Some(&path)).await,
            Err(error) => {
                self.write_error(None, &error);
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
        self.run_configured(None).await
    }

    /// The path is that of the configuration file.
    async fn run_configured(&self, path: Option<&Path>) -> u8 {
        let mut stop = match StopSignal::new() {
            Ok(stop) => stop,
            Err(error) => {
                self.write(format_args!("cannot listen to signals: {error}"));
                return FAILED;
            }
        };
        let signal = tokio::select! {
            opened = self.container.open_all(self.correlation_id()) => match opened {
                Ok(()) => stop.wait().await,
                Err(NotOpened { error, given_up }) => {
                    let code = exit_code(&error);
                    self.write_error(path.filter(|_| code == MISCONFIGURED), &error);
                    return ended(code, given_up);
                }
            },
            signal = stop.wait() => signal,
        };
        self.container
            .logger()
            .info(self.correlation_id(), format_args!("{signal}: stopping, a second one stops at once"));
        let closed = self.container.close_all(self.correlation_id()).await;
        let given_up = closed.given_up;
        let code = match closed.into_result() {
            Ok(()) => CLOSED,
            Err(error) => {
                self.write_error(None, &error);
                FAILED
            }
        };
        ended(code, given_up)
    }

    fn correlation_id(&self) -> Option<&str> {
        Some(self.container.name())
    }

    /// Writes an error with the component that it is about. If the configuration file is at fault, its path is given.
    fn write_error(&self, path: Option<&Path>, error: &ApplicationError) {
        let file = path.map(|path| format!("{}: ", path.display())).unwrap_or_default();
        let component = at_fault(error, path.is_some()).map(|component| format!("{component}: "));
        self.write(format_args!("{file}{}{error:#}", component.unwrap_or_default()));
    }

    fn write(&self, text: impl Display) {
        // Where standard error is closed, nothing can be told any more.
        let _ = writeln!(io::stderr().lock(), "{}: {text}", self.container.name());
    }
}

/// The exit code. Where a component was given up, it may keep a thread, for which the runtime would wait, so that the
/// process ends here.
fn ended(code: u8, given_up: bool) -> u8 {
    if given_up {
        process::exit(code.into());
    }
    code
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
