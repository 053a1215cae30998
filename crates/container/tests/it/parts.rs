use std::{
    error::Error,
    fmt::Arguments,
    future,
    sync::{Arc, Mutex},
    thread,
};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{Component, Descriptor, IReferenceable, IReferences, IUnreferenceable, ReferencesExt},
    run::{IClosable, IOpenable},
};
use pip_services_components::{
    build::{Factory, IFactory},
    log::{ILogger, LogLevel},
};
use pip_services_container::{Container, ContainerConfig};
use serde_json::Value;

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    lines: Arc<Mutex<Vec<String>>>,
    is_printed: bool,
}

impl Journal {
    /// A journal whose lines are written to standard output too.
    pub(crate) fn printed() -> Self {
        Self { is_printed: true, ..Self::default() }
    }

    pub(crate) fn note(&self, line: impl Into<String>) {
        let line = line.into();
        if self.is_printed {
            println!("{line}");
        }
        self.lines.lock().unwrap().push(line);
    }

    /// What happened since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }

    /// What happened since the last call, once this line is part of it.
    pub(crate) async fn take_until(&self, line: &str) -> Vec<String> {
        while !self.lines.lock().unwrap().iter().any(|noted| noted == line) {
            tokio::task::yield_now().await;
        }
        self.take()
    }
}

/// Notes each step of its life. Configuration:
///
/// * `fails`: the step at which it fails, with `category` `NoResponse` unless it says `Misconfiguration`;
/// * `tells`: whether its errors tell all of its configuration;
/// * `hangs`, `blocks`: the step, `open` or `close`, at which it never returns, or keeps its thread for ever;
/// * `panics`: the step at which it panics;
/// * `needs.*`: locators of parts that it requires.
pub(crate) struct Part {
    name: String,
    journal: Journal,
    config: Mutex<ConfigParams>,
    needed: Mutex<Vec<Arc<Part>>>,
    is_open: Mutex<bool>,
}

component!(
    Part: dyn IConfigurable,
    dyn IReferenceable,
    dyn IUnreferenceable,
    dyn IClosable,
    dyn IOpenable
);

impl Part {
    fn new(locator: &Descriptor, journal: &Journal) -> Self {
        let name = locator.name().unwrap_or("*").to_owned();
        journal.note(format!("create {name}"));
        Self {
            name,
            journal: journal.clone(),
            config: Mutex::default(),
            needed: Mutex::default(),
            is_open: Mutex::default(),
        }
    }

    pub(crate) fn config(&self) -> ConfigParams {
        self.config.lock().unwrap().clone()
    }

    fn step(&self, step: &str) -> Result<(), ApplicationError> {
        self.journal.note(format!("{step} {}", self.name));
        let config = self.config();
        assert_ne!(config.get("panics"), Some(step));
        if config.get("fails") != Some(step) {
            return Ok(());
        }
        let message = match config.get("tells") {
            Some(_) => format!("{step} failed with {config} or {config:?}"),
            None => format!("{step} failed"),
        };
        Err(match config.get("category") {
            Some("Misconfiguration") => ApplicationError::config(None, "BAD_PART", message),
            _ => ApplicationError::connection(None, "NO_PART", message),
        })
    }

    async fn slow_step(&self, step: &str) -> Result<(), ApplicationError> {
        self.step(step)?;
        let config = self.config();
        while config.get("blocks") == Some(step) {
            thread::park();
        }
        if config.get("hangs") == Some(step) {
            future::pending::<()>().await;
        }
        Ok(())
    }
}

impl IConfigurable for Part {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        *self.config.lock().unwrap() = config.clone();
        self.step("configure")
    }
}

impl IReferenceable for Part {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.step("link")?;
        let needs = self.config().get_section("needs");
        let needed = needs
            .iter()
            .filter_map(|(_, locator)| locator)
            .map(|locator| references.get_one_required(&locator.parse()?))
            .collect::<Result<_, _>>()?;
        *self.needed.lock().unwrap() = needed;
        Ok(())
    }
}

impl IUnreferenceable for Part {
    fn unset_references(&self) {
        self.journal.note(format!("unlink {}", self.name));
        assert_ne!(self.config().get("panics"), Some("unlink"));
        self.needed.lock().unwrap().clear();
    }
}

#[async_trait]
impl IClosable for Part {
    async fn close(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        *self.is_open.lock().unwrap() = false;
        self.slow_step("close").await
    }
}

#[async_trait]
impl IOpenable for Part {
    fn is_open(&self) -> bool {
        *self.is_open.lock().unwrap()
    }

    async fn open(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.slow_step("open").await?;
        *self.is_open.lock().unwrap() = true;
        Ok(())
    }
}

/// A configured part of this name.
pub(crate) fn part(name: &str, journal: &Journal, config: &[(&str, &str)]) -> Arc<Part> {
    let part = Part::new(&Descriptor::new("test", "part", "default", name, "1.0"), journal);
    part.configure(&ConfigParams::from_tuples(config.iter().copied())).unwrap();
    Arc::new(part)
}

/// Makes `test:part:default:*:1.0`, under `test:part:broken:*:1.0` nothing but errors, and under
/// `test:part:panicking:*:1.0` nothing but panics.
pub(crate) fn part_factory(journal: &Journal) -> Factory {
    let mut factory = Factory::new();
    let journal = journal.clone();
    factory.register(Descriptor::new("test", "part", "default", "*", "1.0"), move |locator| {
        Ok(Arc::new(Part::new(locator, &journal)))
    });
    factory.register(Descriptor::new("test", "part", "broken", "*", "1.0"), |_| {
        Err(ApplicationError::config(None, "BROKEN", "broken"))
    });
    factory.register(Descriptor::new("test", "part", "panicking", "*", "1.0"), |_| panic!("no parts today"));
    factory
}

/// A factory that is a component: it makes parts as `test:product:default:*:1.0`.
pub(crate) struct Products(Factory);

component!(Products: dyn IFactory);

impl Products {
    pub(crate) fn new(journal: &Journal) -> Self {
        let mut factory = Factory::new();
        let journal = journal.clone();
        factory.register(Descriptor::new("test", "product", "default", "*", "1.0"), move |locator| {
            Ok(Arc::new(Part::new(locator, &journal)))
        });
        Self(factory)
    }
}

impl IFactory for Products {
    fn can_create(&self, locator: &Descriptor) -> Option<Descriptor> {
        self.0.can_create(locator)
    }

    fn create(&self, locator: &Descriptor) -> Result<Arc<dyn Component>, ApplicationError> {
        self.0.create(locator)
    }
}

/// A logger that notes messages in a journal, with the errors that they are about.
pub(crate) struct Recorder(Journal);

component!(Recorder: dyn ILogger);

impl ILogger for Recorder {
    fn get_level(&self) -> LogLevel {
        LogLevel::Trace
    }

    fn set_level(&self, _level: LogLevel) {}

    fn log(
        &self,
        level: LogLevel,
        _correlation_id: Option<&str>,
        error: Option<&(dyn Error + 'static)>,
        message: Arguments<'_>,
    ) {
        let error = error.map(|error| format!(": {error}")).unwrap_or_default();
        self.0.note(format!("{level} {message}{error}"));
    }
}

/// A logger that notes messages in this journal.
pub(crate) fn recorder(journal: &Journal) -> Arc<dyn Component> {
    Arc::new(Recorder(journal.clone()))
}

/// Adds a logger, `test:logger:recorder:*:1.0`, to what the container can make, and gives what it will note.
pub(crate) fn add_recorder(container: &Container) -> Journal {
    let journal = Journal::default();
    let mut factory = Factory::new();
    let recorded = journal.clone();
    factory.register(Descriptor::new("test", "logger", "recorder", "*", "1.0"), move |_| {
        Ok(recorder(&recorded))
    });
    container.add_factory(Arc::new(factory));
    journal
}

/// A configured container that can make parts, and what will happen to them.
pub(crate) fn container(config: &Value) -> (Container, Journal) {
    let journal = Journal::default();
    let container = Container::new("tests");
    container.add_factory(Arc::new(part_factory(&journal)));
    container.configure(ContainerConfig::from_value(config).unwrap());
    (container, journal)
}

pub(crate) fn locator(text: &str) -> Descriptor {
    text.parse().unwrap()
}
