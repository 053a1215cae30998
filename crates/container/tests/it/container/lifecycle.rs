use std::sync::Arc;

use pip_services_commons::{
    config::ConfigParams,
    errors::ErrorCategory,
    refer::{Component, IReferences, ReferencesExt},
};
use pip_services_components::{build::Factory, count::ICounters, info::ContextInfo};
use pip_services_container::{Container, ContainerConfig};
use serde_json::json;

use crate::parts::{Journal, Part, add_recorder, container, locator, part, part_factory, recorder};

#[tokio::test]
async fn each_step_is_done_for_all_in_the_order_of_the_list_and_undone_in_reverse() {
    let (container, journal) = container(&json!([
        {"descriptor": "test:part:default:a:1.0"},
        {"descriptor": "test:part:default:b:1.0"},
        {"descriptor": "test:part:default:c:1.0"}
    ]));
    container.open(None).await.unwrap();
    assert!(container.is_open());
    let up = [
        "create a",
        "configure a",
        "create b",
        "configure b",
        "create c",
        "configure c",
        "link a",
        "link b",
        "link c",
        "open a",
        "open b",
        "open c",
    ];
    assert_eq!(journal.take(), up);

    container.close(None).await.unwrap();
    assert!(!container.is_open());
    let down = ["close c", "close b", "close a", "unlink c", "unlink b", "unlink a"];
    assert_eq!(journal.take(), down);
}

#[tokio::test]
async fn a_component_is_configured_with_its_whole_entry_and_found_by_the_program() {
    let (container, _) = container(&json!([
        {"descriptor": "test:part:default:a:1.0", "options": {"size": 5}}
    ]));
    container.open(None).await.unwrap();
    let part: Arc<Part> = container.references().get_one_required(&locator("*:part:*:a:*")).unwrap();
    assert_eq!(
        part.config(),
        ConfigParams::from_tuples([("descriptor", "test:part:default:a:1.0"), ("options.size", "5")])
    );
    container.close(None).await.unwrap();
    assert!(container.references().get_all().is_empty());
}

#[tokio::test]
async fn components_find_those_that_are_listed_later_too() {
    let (container, _) = container(&json!([
        {"descriptor": "test:part:default:a:1.0", "needs": ["test:part:default:b:1.0"]},
        {"descriptor": "test:part:default:b:1.0", "needs": ["test:part:default:a:1.0"]}
    ]));
    container.open(None).await.unwrap();
    container.close(None).await.unwrap();
}

#[tokio::test]
async fn a_closed_container_can_be_opened_again_with_new_components() {
    let (container, journal) = container(&json!([{"descriptor": "test:part:default:a:1.0"}]));
    for _ in 0..2 {
        container.open(None).await.unwrap();
        container.close(None).await.unwrap();
        let steps = journal.take();
        assert_eq!(steps, ["create a", "configure a", "link a", "open a", "close a", "unlink a"]);
    }
}

#[tokio::test]
async fn an_open_container_does_not_open_and_a_closed_one_closes_without_doing_anything() {
    let (container, journal) = container(&json!([{"descriptor": "test:part:default:a:1.0"}]));
    container.close(None).await.unwrap();
    assert!(journal.take().is_empty());

    container.open(None).await.unwrap();
    journal.take();
    let error = container.open(Some("c")).await.unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("ALREADY_OPENED", Some("c")));
    assert_eq!(error.category(), &ErrorCategory::InvalidState);
    assert!(container.is_open() && journal.take().is_empty());
}

#[tokio::test]
async fn a_container_without_configuration_does_not_open_and_one_without_components_does() {
    let container = Container::new("tests");
    let error = container.open(None).await.unwrap_err();
    assert_eq!(error.code(), "NO_CONFIG");
    assert_eq!(error.category(), &ErrorCategory::Misconfiguration);

    container.configure(ContainerConfig::new());
    container.open(None).await.unwrap();
    assert!(container.is_open());
    container.close(None).await.unwrap();
    assert!(container.references().get_all().is_empty());
}

#[tokio::test]
async fn the_container_adds_a_context_of_its_name_and_its_factory() {
    let (container, _) = container(&json!([]));
    container.open(None).await.unwrap();
    let references = container.references();
    let context: Arc<ContextInfo> =
        references.get_one_required(&locator("pip-services:context-info:default:default:1.0")).unwrap();
    assert_eq!(context.name(), "tests");
    assert!(references.find(&locator("pip-services:factory:container:default:1.0"), true).is_ok());
}

#[tokio::test]
async fn a_context_of_the_configuration_takes_the_place_of_the_containers_own() {
    let (container, _) = container(&json!([
        {"descriptor": "pip-services:context-info:default:main:1.0", "name": "orders"},
        {"descriptor": "test:logger:recorder:main:1.0"}
    ]));
    let log = add_recorder(&container);
    container.open(None).await.unwrap();
    let contexts = container.references().get_optional::<ContextInfo>(&locator("*:context-info:*:*:*"));
    assert_eq!(contexts.len(), 1);
    container.close(None).await.unwrap();
    assert_eq!(log.take(), ["INFO Container orders started", "INFO Container orders stopped"]);
}

#[tokio::test]
async fn the_factory_added_last_is_asked_first_and_goes_over_standard_components() {
    let (container, old) = container(&json!([
        {"descriptor": "test:part:default:a:1.0"},
        {"descriptor": "pip-services:logger:console:default:1.0"}
    ]));
    let new = Journal::default();
    container.add_factory(Arc::new(part_factory(&new)));
    let (mut loggers, log) = (Factory::new(), Journal::default());
    let recorded = log.clone();
    loggers.register(locator("pip-services:logger:console:*:1.0"), move |_| Ok(recorder(&recorded)));
    container.add_factory(Arc::new(loggers));
    container.open(None).await.unwrap();
    assert!(old.take().is_empty());
    assert_eq!(new.take()[0], "create a");
    assert_eq!(log.take(), ["INFO Container tests started"]);
}

#[tokio::test]
async fn what_the_program_puts_before_opening_is_found_by_the_components_and_dropped_by_close() {
    let (container, journal) = container(&json!([
        {"descriptor": "test:part:default:a:1.0", "needs": ["test:part:*:own:*"]}
    ]));
    let own = locator("test:part:default:own:1.0");
    container.references().put(own.clone(), part("own", &journal, &[]));
    // There was nothing to close.
    container.close(None).await.unwrap();
    journal.take();
    container.open(None).await.unwrap();
    assert_eq!(journal.take(), ["create a", "configure a", "link a", "open a"]);
    assert!(container.references().get_one_optional::<Part>(&own).is_some());
    container.close(None).await.unwrap();
    assert!(container.references().get_all().is_empty());
}

#[tokio::test]
async fn standard_components_are_known() {
    let (container, _) = container(&json!([
        {"descriptor": "pip-services:logger:null:default:1.0"},
        {"descriptor": "pip-services:counters:log:default:1.0"},
        {"descriptor": "pip-services:discovery:memory:default:1.0", "broker": {"host": "a"}},
        {"descriptor": "pip-services:credential-store:memory:default:1.0", "broker": {"username": "a"}}
    ]));
    container.open(None).await.unwrap();
    let counters = container.references().get_one_required::<dyn ICounters>(&locator("*:counters:*:*:*"));
    assert!(counters.is_ok());
    container.close(None).await.unwrap();
}

#[tokio::test]
async fn an_opening_that_is_cancelled_is_closed_by_close_and_before_the_next_open() {
    let config = json!([
        {"descriptor": "test:part:default:a:1.0"},
        {"descriptor": "test:part:default:b:1.0", "hangs": "open"},
        {"descriptor": "test:part:default:c:1.0"}
    ]);
    let down = ["close b", "close a", "unlink c", "unlink b", "unlink a"];
    let (container, journal) = container(&config);
    let cancelled = || async {
        tokio::select! {
            opened = container.open(None) => panic!("{opened:?}"),
            steps = journal.take_until("open b") => steps,
        }
    };
    cancelled().await;
    assert!(!container.is_open());
    container.close(None).await.unwrap();
    assert_eq!(journal.take(), down);

    cancelled().await;
    let again = cancelled().await;
    assert_eq!(again[..5], down);
}

#[tokio::test]
async fn a_container_that_is_dropped_without_close_leaks_nothing() {
    let (container, journal) = container(&json!([
        {"descriptor": "test:part:default:a:1.0", "needs": ["test:part:default:b:1.0"]},
        {"descriptor": "test:part:default:b:1.0", "needs": ["test:part:default:a:1.0"]}
    ]));
    container.open(None).await.unwrap();
    let parts: Vec<_> = container
        .references()
        .find(&locator("test:part:*:*:*"), true)
        .unwrap()
        .iter()
        .map(Arc::downgrade)
        .collect();
    journal.take();
    drop(container);
    assert_eq!(journal.take(), ["unlink b", "unlink a"]);
    assert!(parts.iter().all(|part: &std::sync::Weak<dyn Component>| part.upgrade().is_none()));
}

#[tokio::test]
async fn a_container_can_be_opened_and_closed_from_any_task() {
    let (container, _) = container(&json!([{"descriptor": "test:part:default:a:1.0"}]));
    let container = Arc::new(container);
    let shared = container.clone();
    tokio::spawn(async move { shared.open(None).await }).await.unwrap().unwrap();
    assert!(container.is_open());
    tokio::spawn(async move { container.close(None).await }).await.unwrap().unwrap();
}
