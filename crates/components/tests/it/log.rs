use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorCategory},
    refer::{Component, IReferenceable, IUnreferenceable, References},
};
use pip_services_components::{
    info::ContextInfo,
    log::{
        CachedLogger, CompositeLogger, ConsoleLogger, FacadeLogger, ICachedLogSaver, ILogger, LogLevel,
        LogMessage, NullLogger,
    },
};
use serde_json::json;

use crate::support::{NeverShown, Recorder, Tuples, config, references};

const LEVELS: [(LogLevel, u8, &str); 7] = [
    (LogLevel::None, 0, "UNDEF"),
    (LogLevel::Fatal, 1, "FATAL"),
    (LogLevel::Error, 2, "ERROR"),
    (LogLevel::Warn, 3, "WARN"),
    (LogLevel::Info, 4, "INFO"),
    (LogLevel::Debug, 5, "DEBUG"),
    (LogLevel::Trace, 6, "TRACE"),
];

#[test]
fn each_level_has_a_number_a_text_and_a_place_in_the_order() {
    for (level, number, text) in LEVELS {
        assert_eq!((level as u8, level.to_string()), (number, text.to_owned()));
        assert_eq!(LogLevel::from_number(number), Some(level), "{text}");
        assert_eq!(LEVELS.iter().filter(|(other, ..)| *other < level).count(), usize::from(number), "{text}");
    }
    assert_eq!(LogLevel::from_number(7), None);
    assert_eq!(LogLevel::default(), LogLevel::Info);
}

#[test]
fn a_level_is_read_from_its_names_and_its_number_in_any_case() {
    for (what, texts, expected) in [
        ("none", &["0", "nothing", "none", "NONE", "Nothing"][..], LogLevel::None),
        ("fatal", &["1", "fatal", "FATAL"], LogLevel::Fatal),
        ("error", &["2", "error", "Error"], LogLevel::Error),
        ("warn", &["3", "warn", "warning", "WARNING"], LogLevel::Warn),
        ("info", &["4", "info", " Info "], LogLevel::Info),
        ("debug", &["5", "debug", "DeBuG"], LogLevel::Debug),
        ("trace", &["6", "trace", "TRACE"], LogLevel::Trace),
    ] {
        for text in texts {
            assert_eq!(text.parse::<LogLevel>().unwrap(), expected, "{what}: {text}");
        }
    }
}

#[test]
fn what_is_no_level_is_a_misconfiguration_that_names_key_and_value() {
    for (what, text) in [
        ("a word", "loud"),
        ("a number above the last", "7"),
        ("a negative number", "-1"),
        ("a fraction", "4.5"),
        ("what the level none is written as", "UNDEF"),
        ("two levels", "info,debug"),
    ] {
        let error = text.parse::<LogLevel>().unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("level")), "{what}");
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration, "{what}");
        assert!(error.message().starts_with(&format!("level is '{text}'; it must be ")), "{error}");
    }
}

#[test]
fn every_level_is_read_back_from_what_it_is_written_as_and_from_its_number() {
    for (level, number, text) in LEVELS {
        assert_eq!(serde_json::to_value(level).unwrap(), json!(text));
        for value in [json!(text), json!(text.to_lowercase()), json!(number)] {
            // `undef` is the one that only stands in messages, in capital letters.
            if value != json!("undef") {
                assert_eq!(serde_json::from_value::<LogLevel>(value.clone()).unwrap(), level, "{value}");
            }
        }
    }
    for (value, expected) in [
        (json!(7), "level is 7; it must be 0 to 6"),
        (json!(300), "level is 300; it must be 0 to 6"),
        (json!("loud"), "level is 'loud'; it must be none, fatal, error, warn, info, debug, trace or 0 to 6"),
        (json!(true), "invalid type: boolean `true`, expected a level by its name or number"),
    ] {
        assert_eq!(serde_json::from_value::<LogLevel>(value).unwrap_err().to_string(), expected);
    }
}

/// Keeps what it saves.
#[derive(Default)]
struct Saved(Mutex<Vec<LogMessage>>);

#[async_trait]
impl ICachedLogSaver for Saved {
    async fn save(&self, messages: &[LogMessage]) -> Result<(), ApplicationError> {
        self.0.lock().unwrap().extend_from_slice(messages);
        Ok(())
    }
}

/// A logger that writes by itself.
struct Leaf {
    what: &'static str,
    logger: Arc<dyn ILogger>,
    configurable: Arc<dyn IConfigurable>,
    referenceable: Arc<dyn IReferenceable>,
    source: Box<dyn Fn() -> Option<String>>,
}

macro_rules! leaf {
    ($what:literal, $logger:expr) => {{
        let logger = Arc::new($logger);
        Leaf {
            what: $what,
            logger: logger.clone(),
            configurable: logger.clone(),
            referenceable: logger.clone(),
            source: Box::new(move || logger.get_source()),
        }
    }};
}

fn leaves() -> [Leaf; 3] {
    [
        leaf!("console", ConsoleLogger::new()),
        leaf!("facade", FacadeLogger::new()),
        leaf!("cached", CachedLogger::new(Arc::new(Saved::default()))),
    ]
}

#[test]
fn configuring_a_level_sets_it_and_an_absent_one_keeps_it() {
    let rows: [(&str, Tuples, LogLevel); 6] = [
        ("by default", &[], LogLevel::Info),
        ("a name", &[("level", "trace")], LogLevel::Trace),
        ("an absent one", &[("source", "x")], LogLevel::Trace),
        ("an empty one", &[("level", "")], LogLevel::Trace),
        ("a blank one", &[("level", "  ")], LogLevel::Trace),
        ("a number", &[("level", "2")], LogLevel::Error),
    ];
    for leaf in leaves() {
        for (what, tuples, expected) in rows {
            leaf.configurable.configure(&config(tuples)).unwrap();
            assert_eq!(leaf.logger.get_level(), expected, "{}: {what}", leaf.what);
        }
        leaf.configurable.configure(&ConfigParams::from_tuples([("level", None::<&str>)])).unwrap();
        assert_eq!(leaf.logger.get_level(), LogLevel::Error, "{}: a null", leaf.what);

        let wrong = config(&[("level", "loud"), ("source", "changed")]);
        let error = leaf.configurable.configure(&wrong).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("level")), "{}", leaf.what);
        assert_eq!(leaf.logger.get_level(), LogLevel::Error, "{}", leaf.what);
        assert_eq!((leaf.source)().as_deref(), Some("x"), "{}: nothing is changed", leaf.what);
    }
}

fn context(name: &str) -> References {
    let context = ContextInfo::from_config(&config(&[("name", name)]));
    references([("pip-services:context-info:default:default:1.0", Arc::new(context) as _)])
}

#[test]
fn the_source_is_the_configured_one_or_else_the_name_of_the_context() {
    for leaf in leaves() {
        type Row<'a> = (&'a str, Box<dyn Fn() -> Result<(), ApplicationError> + 'a>, Option<&'a str>);
        let rows: [Row<'_>; 5] = [
            ("at first", Box::new(|| Ok(())), None),
            ("a context", Box::new(|| leaf.referenceable.set_references(&context("orders"))), Some("orders")),
            ("another", Box::new(|| leaf.referenceable.set_references(&context("bills"))), Some("bills")),
            ("no context", Box::new(|| leaf.referenceable.set_references(&References::new())), None),
            ("configured", Box::new(|| leaf.configurable.configure(&config(&[("source", "x")]))), Some("x")),
        ];
        for (what, step, expected) in &rows {
            step().unwrap();
            assert_eq!((leaf.source)().as_deref(), *expected, "{}: {what}", leaf.what);
        }
        leaf.referenceable.set_references(&context("orders")).unwrap();
        assert_eq!((leaf.source)().as_deref(), Some("x"), "{}: a context after that", leaf.what);
    }
}

#[tokio::test]
async fn a_logger_writes_what_its_level_lets_through() {
    use LogLevel::{Debug, Error, Fatal, Info, None, Trace, Warn};
    for (own, written) in [
        (None, &[][..]),
        (Fatal, &[Fatal]),
        (Error, &[Fatal, Error]),
        (Warn, &[Fatal, Error, Warn]),
        (Info, &[Fatal, Error, Warn, Info]),
        (Debug, &[Fatal, Error, Warn, Info, Debug]),
        (Trace, &[Fatal, Error, Warn, Info, Debug, Trace]),
    ] {
        let saved = Arc::new(Saved::default());
        let logger = CachedLogger::new(saved.clone());
        logger.set_level(own);
        for (level, ..) in LEVELS {
            assert_eq!(logger.is_enabled(level), written.contains(&level), "{own} {level}");
            logger.log(level, Option::None, Option::None, format_args!("of {level}"));
        }
        logger.dump().await.unwrap();
        let levels: Vec<_> = saved.0.lock().unwrap().iter().map(|message| message.level).collect();
        assert_eq!(levels, written, "{own}");
    }
}

#[test]
fn each_method_writes_at_its_level() {
    let recorder = Recorder::new(LogLevel::Trace);
    let error = ApplicationError::internal(None, "X", "broken");
    recorder.fatal(Some("1"), Some(&error), format_args!("a"));
    recorder.error(None, None, format_args!("b"));
    recorder.warn(Some("2"), format_args!("c"));
    recorder.info(Some("3"), format_args!("d"));
    recorder.debug(Some("4"), format_args!("e"));
    recorder.trace(Some("5"), format_args!("f"));
    let expected = ["1 FATAL a (broken)", "--- ERROR b", "2 WARN c", "3 INFO d", "4 DEBUG e", "5 TRACE f"];
    assert_eq!(recorder.lines(), expected);
}

#[test]
fn a_message_that_nobody_writes_is_not_even_formatted() {
    let console = || Arc::new(ConsoleLogger::new());
    let composite = |loggers: Vec<Arc<dyn Component>>| {
        let logger = CompositeLogger::new();
        let loggers = loggers.into_iter().map(|logger| ("test:logger:any:default:1.0", logger));
        logger.set_references(&references(loggers)).unwrap();
        Arc::new(logger)
    };
    let rows: [(&str, Arc<dyn ILogger>, LogLevel); 8] = [
        ("console, above its level", console(), LogLevel::Debug),
        ("console, of no level", console(), LogLevel::None),
        ("cached, above its level", Arc::new(CachedLogger::new(Arc::new(Saved::default()))), LogLevel::Trace),
        ("null", Arc::new(NullLogger::new()), LogLevel::Fatal),
        ("composite without loggers", composite(vec![]), LogLevel::Fatal),
        ("composite of null", composite(vec![Arc::new(NullLogger::new())]), LogLevel::Fatal),
        ("composite, above the level of all", composite(vec![console(), console()]), LogLevel::Debug),
        ("composite, of no level", composite(vec![console()]), LogLevel::None),
    ];
    for (what, logger, level) in rows {
        assert!(!logger.is_enabled(level), "{what}");
        logger.log(level, Some("1"), None, format_args!("{NeverShown}"));
    }
}

#[test]
fn a_null_logger_has_the_level_none_whatever_is_set() {
    let logger = NullLogger::new();
    logger.set_level(LogLevel::Trace);
    assert_eq!(logger.get_level(), LogLevel::None);
}

#[test]
fn a_composite_gives_each_message_to_every_logger_which_filters_by_its_own_level() {
    let (brief, full) = (Recorder::new(LogLevel::Error), Recorder::new(LogLevel::Trace));
    let logger = CompositeLogger::new();
    let loggers: [(_, Arc<dyn Component>); 2] =
        [("test:logger:brief:default:1.0", brief.clone()), ("test:logger:full:default:1.0", full.clone())];
    logger.set_references(&references(loggers)).unwrap();

    let cause = ApplicationError::internal(None, "X", "broken");
    logger.trace(Some("1"), format_args!("step {}", 1));
    logger.error(Some("2"), Some(&cause), format_args!("failed"));
    assert_eq!(brief.lines(), ["2 ERROR failed (broken)"]);
    assert_eq!(full.lines(), ["1 TRACE step 1", "2 ERROR failed (broken)"]);
}

#[test]
fn the_level_of_a_composite_is_the_most_detailed_of_its_loggers() {
    for (what, levels, expected) in [
        ("no loggers", &[][..], LogLevel::None),
        ("one", &[LogLevel::Warn], LogLevel::Warn),
        ("the first", &[LogLevel::Debug, LogLevel::Error], LogLevel::Debug),
        ("the last", &[LogLevel::None, LogLevel::Trace], LogLevel::Trace),
    ] {
        let logger = CompositeLogger::new();
        let loggers = levels.iter().map(|level| ("test:logger:any:default:1.0", Recorder::new(*level) as _));
        logger.set_references(&references(loggers)).unwrap();
        logger.set_level(LogLevel::Fatal);
        logger.configure(&config(&[("level", "fatal"), ("source", "x")])).unwrap();
        assert_eq!(logger.get_level(), expected, "{what}");
        for (level, ..) in LEVELS {
            let enabled = level != LogLevel::None && level <= expected;
            assert_eq!(logger.is_enabled(level), enabled, "{what}: {level}");
        }
    }
}

/// Loggers of this crate tell composites when their level changes, those of others do not.
#[test]
fn a_composite_heeds_every_change_of_the_level_of_its_loggers() {
    let (console, recorder) = (Arc::new(ConsoleLogger::new()), Recorder::new(LogLevel::None));
    let both: [Arc<dyn Component>; 2] = [console.clone(), recorder.clone()];
    for (what, logger, loggers) in [
        ("one that tells", &*console as &dyn ILogger, &both[..1]),
        ("one that does not tell", &*recorder, &both[1..]),
        ("one that tells, of two", &*console, &both[..]),
        ("one that does not tell, of two", &*recorder, &both[..]),
    ] {
        console.set_level(LogLevel::None);
        recorder.set_level(LogLevel::None);
        let composite = CompositeLogger::new();
        let loggers = loggers.iter().map(|logger| ("test:logger:any:default:1.0", logger.clone()));
        composite.set_references(&references(loggers)).unwrap();
        for changed in [LogLevel::Debug, LogLevel::Warn, LogLevel::Trace, LogLevel::None, LogLevel::Info] {
            logger.set_level(changed);
            for (level, ..) in LEVELS {
                let enabled = level != LogLevel::None && level <= changed;
                assert_eq!(composite.is_enabled(level), enabled, "{what}: {level} at {changed}");
            }
        }
    }
}

#[test]
fn a_composite_passes_on_what_a_changed_level_lets_through() {
    let (recorder, references) = Recorder::with_references(LogLevel::Info);
    let composite = CompositeLogger::new();
    composite.set_references(&references).unwrap();
    composite.debug(None, format_args!("too early"));
    recorder.set_level(LogLevel::Debug);
    composite.debug(None, format_args!("in time"));
    assert_eq!(recorder.lines(), ["--- DEBUG in time"]);
}

#[test]
fn a_composite_misses_no_change_of_a_level_while_other_threads_log() {
    let console = Arc::new(ConsoleLogger::new());
    let composite = CompositeLogger::new();
    composite.set_references(&references([("test:logger:any:default:1.0", console.clone() as _)])).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                composite.trace(None, format_args!("{NeverShown}"));
            }
        });
        for round in 0..100_000 {
            let level = if round % 2 == 0 { LogLevel::Debug } else { LogLevel::Info };
            console.set_level(level);
            if composite.is_enabled(LogLevel::Debug) != (level == LogLevel::Debug) {
                done.store(true, Ordering::Relaxed);
                panic!("missed in round {round}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn references_set_again_replace_the_loggers_of_a_composite_and_unset_drops_them() {
    let (recorder, references) = Recorder::with_references(LogLevel::Info);
    let logger = CompositeLogger::new();
    logger.set_references(&references).unwrap();
    logger.set_references(&references).unwrap();
    logger.info(None, format_args!("once"));
    assert_eq!(recorder.lines(), ["--- INFO once"]);

    logger.unset_references();
    logger.info(None, format_args!("never"));
    assert_eq!(recorder.lines().len(), 1);
    drop(references);
    assert_eq!(Arc::strong_count(&recorder), 1);
}

#[test]
fn composites_that_are_registered_neither_recurse_nor_repeat() {
    let recorder = Recorder::new(LogLevel::Info);
    let composites = [(); 2].map(|()| Arc::new(CompositeLogger::new()));
    let references = references([
        ("test:logger:recorder:default:1.0", recorder.clone() as Arc<dyn Component>),
        ("pip-services:logger:composite:one:1.0", composites[0].clone()),
        ("pip-services:logger:composite:two:1.0", composites[1].clone()),
    ]);
    for composite in &composites {
        composite.set_references(&references).unwrap();
    }
    composites[0].info(None, format_args!("once"));
    assert_eq!(recorder.lines(), ["--- INFO once"]);
    assert_eq!(composites[0].get_level(), LogLevel::Info);
}

#[test]
fn a_malformed_level_of_a_composite_is_an_error_although_a_level_changes_nothing() {
    let error = CompositeLogger::new().configure(&config(&[("level", "loud")])).unwrap_err();
    assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("level")));
}

#[test]
fn messages_of_every_port_are_read() {
    let noon: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
    for (what, message, level, error_code) in [
        (
            "node",
            json!({"time": "2026-01-31T12:00:00.000Z", "source": "orders", "level": "INFO",
                "correlation_id": "1", "message": "m"}),
            LogLevel::Info,
            None,
        ),
        (
            "python",
            json!({"time": "2026-01-31T12:00:00.000000", "source": "orders", "level": 4,
                "correlation_id": "1", "error": null, "message": "m"}),
            LogLevel::Info,
            None,
        ),
        (
            "go",
            json!({"time": "2026-01-31T12:00:00Z", "source": "orders", "level": "ERROR",
                "correlation_id": "1", "error": {"code": "X", "message": "broken"}, "message": "m"}),
            LogLevel::Error,
            Some("X"),
        ),
        (
            "dotnet",
            json!({"time": "2026-01-31T13:00:00+01:00", "source": "orders", "level": "Warn",
                "correlation_id": "1", "message": "m"}),
            LogLevel::Warn,
            None,
        ),
    ] {
        let message: LogMessage = serde_json::from_value(message).unwrap();
        assert_eq!((message.time, message.level), (noon, level), "{what}");
        assert_eq!(message.source.as_deref(), Some("orders"), "{what}");
        assert_eq!((message.correlation_id.as_deref(), &*message.message), (Some("1"), "m"), "{what}");
        assert_eq!(message.error.and_then(|error| error.code).as_deref(), error_code, "{what}");
    }
}
