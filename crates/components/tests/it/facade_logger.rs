use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, References},
};
use pip_services_components::{
    info::ContextInfo,
    log::{CompositeLogger, FacadeLogger, ILogger, LogLevel},
};

use crate::support::NeverShown;

/// Keeps what it gets, except for the target `silent`.
struct Backend;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Log for Backend {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != "silent"
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        LINES.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

/// The backend with nothing in it. There is one in a process, so that tests that use it take turns.
struct Turn(#[expect(dead_code, reason = "held until the test ends")] MutexGuard<'static, ()>);

impl Turn {
    fn begin(level: LevelFilter) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = Self(TURN.lock().unwrap_or_else(PoisonError::into_inner));
        // All but the first time it is there already.
        let _ = log::set_logger(&Backend);
        log::set_max_level(level);
        LINES.lock().unwrap().clear();
        turn
    }

    fn lines(&self) -> Vec<String> {
        LINES.lock().unwrap().clone()
    }
}

fn logger(level: LogLevel, source: &str) -> FacadeLogger {
    let logger = FacadeLogger::new();
    logger.set_level(level);
    logger.configure(&ConfigParams::from_tuples([("source", source)])).unwrap();
    logger
}

#[test]
fn each_level_has_one_in_the_facade_and_the_text_begins_with_the_correlation_id() {
    let turn = Turn::begin(LevelFilter::Trace);
    let logger = logger(LogLevel::Trace, "orders");
    for level in (1..=6).filter_map(LogLevel::from_number) {
        logger.log(level, Some("123"), None, format_args!("of {level}"));
    }
    logger.info(None, format_args!("without an id"));
    assert_eq!(
        turn.lines(),
        [
            "ERROR orders [123] of FATAL",
            "ERROR orders [123] of ERROR",
            "WARN orders [123] of WARN",
            "INFO orders [123] of INFO",
            "DEBUG orders [123] of DEBUG",
            "TRACE orders [123] of TRACE",
            "INFO orders without an id",
        ]
    );
}

#[test]
fn an_error_follows_the_message_with_its_causes() {
    let turn = Turn::begin(LevelFilter::Trace);
    let logger = logger(LogLevel::Info, "orders");
    let error = ApplicationError::connection(None, "DOWN", "not connected").with_cause("refused");
    logger.error(Some("123"), Some(&error), format_args!("Cannot send"));
    logger.fatal(Some("123"), Some(&error), format_args!(""));
    assert_eq!(
        turn.lines(),
        [
            "ERROR orders [123] Cannot send: not connected Caused by: refused",
            "ERROR orders [123] Error: not connected Caused by: refused",
        ]
    );
}

#[test]
fn the_target_is_the_source_or_else_the_name_of_the_toolkit() {
    let turn = Turn::begin(LevelFilter::Info);
    let logger = FacadeLogger::new();
    logger.info(None, format_args!("1"));
    let references = References::new();
    let context = ContextInfo::from_config(&ConfigParams::from_tuples([("name", "billing")]));
    references.put("pip-services:context-info:default:default:1.0".parse().unwrap(), Arc::new(context));
    logger.set_references(&references).unwrap();
    logger.info(None, format_args!("2"));
    logger.configure(&ConfigParams::from_tuples([("source", "orders")])).unwrap();
    logger.info(None, format_args!("3"));
    assert_eq!(turn.lines(), ["INFO pip-services 1", "INFO billing 2", "INFO orders 3"]);
}

#[test]
fn what_its_own_level_or_the_backend_keeps_out_is_not_even_formatted() {
    let turn = Turn::begin(LevelFilter::Debug);
    let cases = [
        (LogLevel::Info, "orders", LogLevel::Debug),
        (LogLevel::Trace, "orders", LogLevel::Trace),
        (LogLevel::Trace, "silent", LogLevel::Error),
        (LogLevel::Trace, "orders", LogLevel::None),
        (LogLevel::None, "orders", LogLevel::Fatal),
    ];
    for (own, source, level) in cases {
        let logger = logger(own, source);
        assert!(!logger.is_enabled(level), "{own} {source} {level}");
        logger.log(level, None, None, format_args!("{NeverShown}"));
    }
    assert!(turn.lines().is_empty());
    assert!(logger(LogLevel::Debug, "orders").is_enabled(LogLevel::Debug));
}

#[test]
fn a_composite_asks_the_backend_too() {
    let _turn = Turn::begin(Level::Warn.to_level_filter());
    let references = References::new();
    let own = logger(LogLevel::Trace, "orders");
    references.put("pip-services:logger:log:default:1.0".parse().unwrap(), Arc::new(own));
    let composite = CompositeLogger::new();
    composite.set_references(&references).unwrap();
    assert!(composite.is_enabled(LogLevel::Warn) && !composite.is_enabled(LogLevel::Info));
}
