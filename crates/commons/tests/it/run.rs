use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    errors::{ApplicationError, ErrorCategory},
    refer::Component,
    run::{Cleaner, Closer, ICleanable, IClosable, IOpenable, Opener},
};

type Journal = Arc<Mutex<Vec<String>>>;
type Texts = &'static [&'static str];

struct Part {
    name: &'static str,
    /// The steps that fail.
    fails: &'static str,
    is_open: Mutex<bool>,
    journal: Journal,
}
component!(Part: dyn IOpenable, dyn IClosable, dyn ICleanable);

impl Part {
    fn step(&self, step: &str, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.journal.lock().unwrap().push(format!("{step} {}", self.name));
        if self.fails.contains(step) {
            return Err(ApplicationError::connection(
                correlation_id,
                "FAILED",
                format!("{step} {}", self.name),
            ));
        }
        match step {
            "open" => *self.is_open.lock().unwrap() = true,
            "close" => *self.is_open.lock().unwrap() = false,
            _ => {}
        }
        Ok(())
    }
}

#[async_trait]
impl IOpenable for Part {
    fn is_open(&self) -> bool {
        *self.is_open.lock().unwrap()
    }

    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.step("open", correlation_id)
    }
}

#[async_trait]
impl IClosable for Part {
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.step("close", correlation_id)
    }
}

#[async_trait]
impl ICleanable for Part {
    async fn clear(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.step("clear", correlation_id)
    }
}

/// Needs neither opening nor closing nor clearing.
struct Plain;
component!(Plain);

/// Parts a, b and c with the steps that fail, and one in between that has no lifecycle.
fn parts(fails: [&'static str; 3]) -> (Vec<Arc<dyn Component>>, Journal) {
    let journal = Journal::default();
    let mut parts: Vec<Arc<dyn Component>> = Vec::new();
    for (name, fails) in ["a", "b", "c"].into_iter().zip(fails) {
        parts.push(Arc::new(Part { name, fails, is_open: Mutex::default(), journal: journal.clone() }));
        parts.push(Arc::new(Plain));
    }
    (parts, journal)
}

/// An error of a part, as `Opener`, `Closer` and `Cleaner` give it, with the others.
fn check(what: &str, result: Result<(), ApplicationError>, expected: &[&str]) {
    let Some((first, others)) = expected.split_first() else {
        return assert!(result.is_ok(), "{what}: {result:?}");
    };
    let error = result.unwrap_err();
    assert_eq!(error.message(), format!("it::run::Part: {first}"), "{what}");
    assert_eq!(
        (error.code(), error.category(), error.correlation_id(), error.detail("component")),
        ("FAILED", &ErrorCategory::NoResponse, Some("123"), Some("it::run::Part")),
        "{what}"
    );
    let also: Vec<_> = error.details().filter(|(name, _)| name.starts_with("also.")).collect();
    let others: Vec<_> = others
        .iter()
        .zip(1..)
        .map(|(other, number)| (format!("also.{number}"), format!("FAILED: it::run::Part: {other}")))
        .collect();
    assert_eq!(also, others.iter().map(|(name, text)| (&**name, &**text)).collect::<Vec<_>>(), "{what}");
}

#[tokio::test]
async fn opening_goes_in_order_and_a_failure_closes_what_was_opened_in_reverse() {
    let table: [(&str, [&str; 3], Texts, Texts); 4] = [
        ("all open", [""; 3], &["open a", "open b", "open c"], &[]),
        ("the first fails", ["open", "", ""], &["open a"], &["open a"]),
        (
            "the last fails",
            ["", "", "open"],
            &["open a", "open b", "open c", "close b", "close a"],
            &["open c"],
        ),
        (
            "closing fails too",
            ["close", "close", "open"],
            &["open a", "open b", "open c", "close b", "close a"],
            &["open c", "close b", "close a"],
        ),
    ];
    for (what, fails, steps, errors) in table {
        let (parts, journal) = parts(fails);
        check(what, Opener::open(Some("123"), &parts).await, errors);
        assert_eq!(*journal.lock().unwrap(), steps, "{what}");
    }
}

#[tokio::test]
async fn all_are_open_when_each_that_can_be_is() {
    let (parts, _) = parts([""; 3]);
    assert!(!Opener::is_open(&parts), "none");
    Opener::open(None, &parts[..4]).await.unwrap();
    assert!(!Opener::is_open(&parts), "one is missing");
    Opener::open(None, &parts).await.unwrap();
    assert!(Opener::is_open(&parts), "each");
    Closer::close(None, &parts[..1]).await.unwrap();
    assert!(!Opener::is_open(&parts), "one was closed");
    assert!(Opener::is_open(&[]) && Opener::is_open(&parts[1..2]), "what cannot be open counts as open");
}

#[tokio::test]
async fn closing_and_clearing_go_in_order_through_all_and_tell_every_error() {
    let table: [(&str, [&str; 3], Texts); 4] = [
        ("none fails", [""; 3], &[]),
        ("one fails", ["", "close clear", ""], &["b"]),
        ("two fail", ["close clear", "", "close clear"], &["a", "c"]),
        ("all fail", ["close clear"; 3], &["a", "b", "c"]),
    ];
    for (what, fails, failed) in table {
        for step in ["close", "clear"] {
            let (parts, journal) = parts(fails);
            let result = match step {
                "close" => Closer::close(Some("123"), &parts).await,
                _ => Cleaner::clear(Some("123"), &parts).await,
            };
            let errors: Vec<_> = failed.iter().map(|name| format!("{step} {name}")).collect();
            check(what, result, &errors.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(
                *journal.lock().unwrap(),
                ["a", "b", "c"].map(|name| format!("{step} {name}")),
                "{what}"
            );
        }
    }
}

/// Does not say that it is closable, which everything is that can be opened.
struct Silent(Part);
component!(Silent: dyn IOpenable);

#[async_trait]
impl IOpenable for Silent {
    fn is_open(&self) -> bool {
        self.0.is_open()
    }

    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.0.open(correlation_id).await
    }
}

#[async_trait]
impl IClosable for Silent {
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.0.close(correlation_id).await
    }
}

#[tokio::test]
async fn what_can_be_opened_is_closed_although_it_does_not_offer_that() {
    let journal = Journal::default();
    let part = |name, fails| Part { name, fails, is_open: Mutex::default(), journal: journal.clone() };
    let components: [Arc<dyn Component>; 2] =
        [Arc::new(Silent(part("a", ""))), Arc::new(Silent(part("b", "open")))];
    Opener::open(None, &components).await.unwrap_err();
    Closer::close(None, &components[..1]).await.unwrap();
    assert_eq!(*journal.lock().unwrap(), ["open a", "open b", "close a", "close a"]);
}

/// Closes parts of its own.
struct Group(Vec<Arc<dyn Component>>);
component!(Group: dyn IClosable);

#[async_trait]
impl IClosable for Group {
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        Closer::close(correlation_id, &self.0).await
    }
}

#[tokio::test]
async fn errors_of_a_component_that_closes_others_are_not_lost() {
    let (inner, _) = parts(["close", "close", ""]);
    let (outer, _) = parts(["close", "", ""]);
    let components = [Arc::new(Group(inner)) as Arc<dyn Component>, outer[0].clone()];
    let error = Closer::close(None, &components).await.unwrap_err();
    assert_eq!(error.message(), "it::run::Group: it::run::Part: close a");
    let details = [
        ("component", "it::run::Group"),
        ("also.1", "FAILED: it::run::Part: close b"),
        ("also.2", "FAILED: it::run::Part: close a"),
    ];
    assert_eq!(error.details().collect::<Vec<_>>(), details);
}
