use std::sync::{Arc, Mutex};

use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorCategory},
    refer::{Descriptor, IReferenceable, IReferences, IUnreferenceable, ReferencesExt},
};
use pip_services_components::build::Factory;
use pip_services_container::ManagedReferences;
use serde_json::json;

use crate::parts::{Journal, Part, Products, container, locator, part, part_factory};

#[tokio::test]
async fn what_is_required_and_not_listed_is_made_and_opened_before_who_asked() {
    let (container, journal) = container(&json!([
        {"descriptor": "test:part:default:a:1.0"},
        {"descriptor": "test:part:default:b:1.0", "needs": ["test:part:*:x:*", "test:part:default:y:1.0"]}
    ]));
    container.open(None).await.unwrap();
    let steps = [
        "create a",
        "configure a",
        "create b",
        "configure b",
        "link a",
        "link b",
        "create x",
        "configure x",
        "create y",
        "configure y",
        "link x",
        "link y",
        "open a",
        "open x",
        "open y",
        "open b",
    ];
    assert_eq!(journal.take(), steps);

    let made: Arc<Part> =
        container.references().get_one_required(&locator("test:part:default:x:1.0")).unwrap();
    let expected = ConfigParams::from_tuples([("descriptor", "test:part:default:x:1.0")]);
    assert_eq!(made.config(), expected);

    container.close(None).await.unwrap();
    assert_eq!(journal.take()[..4], ["close b", "close y", "close x", "close a"]);
}

#[tokio::test]
async fn what_is_made_has_the_locator_that_was_asked_for_with_wildcards_as_registered() {
    let cases = [
        ("test:part:default:x:1.0", "test:part:default:x:1.0"),
        ("test:part:*:x:*", "test:part:default:x:1.0"),
        ("*:part:*:x:*", "test:part:default:x:1.0"),
        ("test:part:*:*:*", "test:part:default:*:1.0"),
    ];
    for (asked, made) in cases {
        let (container, _) =
            container(&json!([{"descriptor": "test:asking:default:a:1.0", "needs": [asked]}]));
        let (mut asking, journal) = (Factory::new(), Journal::default());
        asking.register(locator("test:asking:default:a:1.0"), move |locator| {
            Ok(part(locator.name().unwrap_or_default(), &journal, &[]))
        });
        container.add_factory(Arc::new(asking));
        container.open(None).await.unwrap();
        let parts = locator("test:part:*:*:*");
        let locators = container.references().get_all_locators();
        let found: Vec<_> = locators.iter().filter(|locator| locator.matches(&parts)).collect();
        assert_eq!(found, [&locator(made)]);
        let configured = container.references().get_one_required::<Part>(&parts).unwrap().config();
        assert_eq!(configured.get("descriptor"), Some(made));
    }
}

#[tokio::test]
async fn of_two_factories_that_are_components_the_older_one_makes_it() {
    let (references, journals) = (ManagedReferences::new(), [Journal::default(), Journal::default()]);
    for journal in &journals {
        let factory = Arc::new(part_factory(journal));
        references.put(None, locator("test:factory:parts:default:1.0"), factory).await.unwrap();
    }
    let (needs, own) = ([("needs.x", "test:part:*:x:*")], Journal::default());
    references.put(None, locator("test:asking:default:a:1.0"), part("a", &own, &needs)).await.unwrap();
    references.open(None).await.unwrap();
    let [old, new] = journals.map(|journal| journal.take());
    assert_eq!(old, ["create x", "configure x", "link x", "open x"]);
    assert!(new.is_empty());
}

/// Changes the references of all, and looks at them, while it is linked.
struct Busy;

component!(Busy: dyn IReferenceable);

impl IReferenceable for Busy {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let count = references.get_all().len();
        for name in ["x", "y", "z"] {
            references.put(Descriptor::new("test", "busy", "put", name, "1.0"), Arc::new(Busy));
        }
        assert_eq!(references.get_all().len(), count + 3);
        let all = locator("test:busy:put:*:1.0");
        assert!(references.remove(&all).is_some());
        assert_eq!(references.get_all_locators().last(), Some(&locator("test:busy:put:y:1.0")));
        assert_eq!(references.remove_all(&locator("test:busy:put:y:1.0")).len(), 1);
        assert_eq!(references.get_required::<Busy>(&all)?.len(), 1);
        Ok(())
    }
}

#[tokio::test]
async fn a_component_changes_the_references_of_all_while_it_is_linked() {
    let references = ManagedReferences::new();
    references.put(None, locator("test:busy:default:a:1.0"), Arc::new(Busy)).await.unwrap();
    references.open(None).await.unwrap();
    let names: Vec<_> = references.references().get_all_locators().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["test:busy:default:a:1.0", "test:busy:put:x:1.0"]);
}

#[tokio::test]
async fn what_is_required_by_several_is_made_once() {
    let (container, journal) = container(&json!([
        {"descriptor": "test:part:default:a:1.0", "needs": ["*:part:*:x:*"]},
        {"descriptor": "test:part:default:b:1.0", "needs": ["*:part:*:x:*"]}
    ]));
    container.open(None).await.unwrap();
    let created = journal.take().into_iter().filter(|step| step == "create x").count();
    assert_eq!(created, 1);
}

#[tokio::test]
async fn what_no_factory_makes_is_the_error_of_who_asked() {
    let (container, _) = container(&json!([
        {"descriptor": "test:part:default:a:1.0", "needs": ["test:other:default:x:1.0"]}
    ]));
    let error = container.open(None).await.unwrap_err();
    assert_eq!((error.code(), error.detail("locator")), ("REF_ERROR", Some("test:other:default:x:1.0")));
    assert_eq!(error.detail("component"), Some("test:part:default:a:1.0"));
}

#[tokio::test]
async fn what_fails_to_be_made_is_not_hidden_as_missing() {
    let (container, _) = container(&json!([
        {"descriptor": "test:part:default:a:1.0", "needs": ["test:part:broken:x:1.0"]}
    ]));
    let error = container.open(None).await.unwrap_err();
    assert_eq!(error.code(), "CANNOT_CREATE");
    assert!(format!("{error:#}").ends_with(": broken"), "{error:#}");
    assert_eq!(error.detail("made"), Some("test:part:broken:x:1.0"));
    assert_eq!(error.detail("component"), Some("test:part:default:a:1.0"));
    assert_eq!(error.detail("entry"), Some("1"));
}

/// Cannot do without parameters.
struct Demanding;

component!(Demanding: dyn IConfigurable);

impl IConfigurable for Demanding {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        match config.get("host") {
            Some(_) => Ok(()),
            None => Err(ApplicationError::config(None, "NO_HOST", "host is missing")),
        }
    }
}

#[tokio::test]
async fn what_cannot_do_with_its_descriptor_alone_is_told_with_who_requires_it() {
    let (container, _) = container(&json!([
        {"descriptor": "test:part:default:a:1.0"},
        {"descriptor": "test:part:default:b:1.0", "needs": ["test:demanding:*:x:*"]}
    ]));
    let mut demanding = Factory::new();
    demanding.register(locator("test:demanding:default:*:1.0"), |_| Ok(Arc::new(Demanding)));
    container.add_factory(Arc::new(demanding));
    let error = container.open(None).await.unwrap_err();
    assert_eq!((error.code(), error.category()), ("NO_HOST", &ErrorCategory::Misconfiguration));
    assert_eq!(error.detail("made"), Some("test:demanding:default:x:1.0"));
    assert_eq!(error.detail("component"), Some("test:part:default:b:1.0"));
    assert_eq!(error.detail("entry"), Some("2"));
}

#[tokio::test]
async fn optional_lookups_and_the_program_make_nothing() {
    let (container, journal) = container(&json!([]));
    container.open(None).await.unwrap();
    let x = locator("test:part:default:x:1.0");
    assert!(container.references().get_one_optional::<Part>(&x).is_none());
    assert!(container.references().find(&x, true).is_err());
    assert!(journal.take().is_empty());
}

/// Requires the ring of the other name, `x` or `y`.
struct Ring {
    name: String,
    other: Mutex<Option<Arc<Ring>>>,
}

component!(Ring: dyn IReferenceable, dyn IUnreferenceable);

impl IReferenceable for Ring {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let other = if self.name == "x" { "y" } else { "x" };
        let other = references.get_one_required(&Descriptor::new("test", "ring", "*", other, "*"))?;
        *self.other.lock().unwrap() = Some(other);
        Ok(())
    }
}

impl IUnreferenceable for Ring {
    fn unset_references(&self) {
        *self.other.lock().unwrap() = None;
    }
}

#[tokio::test]
async fn components_made_on_demand_that_require_each_other_come_to_an_end() {
    let (container, _) = container(&json!([{"descriptor": "test:ring:default:x:1.0"}]));
    let mut rings = Factory::new();
    rings.register(locator("test:ring:default:*:1.0"), |locator| {
        Ok(Arc::new(Ring { name: locator.name().unwrap_or_default().to_owned(), other: Mutex::default() }))
    });
    container.add_factory(Arc::new(rings));
    container.open(None).await.unwrap();
    let rings = container.references().get_optional::<Ring>(&locator("test:ring:*:*:*"));
    assert_eq!(rings.len(), 2);

    container.close(None).await.unwrap();
    assert!(rings.iter().all(|ring| Arc::strong_count(ring) == 1));
}

#[tokio::test]
async fn a_factory_that_is_listed_makes_later_entries_and_what_they_require() {
    let (container, journal) = container(&json!([
        {"descriptor": "test:factory:products:main:1.0"},
        {"descriptor": "test:product:default:a:1.0", "needs": ["test:product:default:x:1.0"]}
    ]));
    let mut factories = Factory::new();
    let products = journal.clone();
    factories
        .register(locator("test:factory:products:*:1.0"), move |_| Ok(Arc::new(Products::new(&products))));
    container.add_factory(Arc::new(factories));
    container.open(None).await.unwrap();
    let opened: Vec<_> = journal.take().into_iter().filter(|step| step.starts_with("open")).collect();
    assert_eq!(opened, ["open x", "open a"]);
}

#[tokio::test]
async fn a_factory_does_not_make_what_is_listed_before_it() {
    let (container, _) = container(&json!([
        {"descriptor": "test:product:default:a:1.0"},
        {"descriptor": "test:factory:products:main:1.0"}
    ]));
    assert_eq!(container.open(None).await.unwrap_err().code(), "CANNOT_CREATE");
}
