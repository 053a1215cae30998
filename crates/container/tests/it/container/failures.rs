use std::time::Duration;

use pip_services_commons::{errors::ErrorCategory, refer::IReferences};
use pip_services_container::ContainerConfig;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::parts::{add_recorder, container};

/// Three parts, of which the one in the middle has these parameters.
fn three(middle: &Value) -> Value {
    let mut parts = json!([
        {"descriptor": "test:part:default:a:1.0"},
        {"descriptor": "test:part:default:b:1.0"},
        {"descriptor": "test:part:default:c:1.0"}
    ]);
    for (key, value) in middle.as_object().unwrap() {
        parts[1][key] = value.clone();
    }
    parts
}

#[tokio::test]
async fn a_failed_open_closes_what_was_opened_in_reverse_and_gives_the_error_as_it_is() {
    let (container, journal) = container(&three(&json!({"fails": "open"})));
    let error = container.open(None).await.unwrap_err();
    assert_eq!((error.code(), error.message()), ("NO_PART", "open failed"));
    assert_eq!(error.category(), &ErrorCategory::NoResponse);
    assert_eq!(error.detail("component"), Some("test:part:default:b:1.0"));

    assert!(!container.is_open());
    assert!(container.references().get_all().is_empty());
    let steps = journal.take();
    let expected = ["open a", "open b", "close a", "unlink c", "unlink b", "unlink a"];
    assert_eq!(steps[steps.len() - expected.len()..], expected);
}

#[tokio::test]
async fn a_failure_at_any_step_before_opening_names_the_component_and_unlinks_what_was_linked() {
    let cases = [
        ("configure", vec!["create a", "configure a", "create b", "configure b"]),
        ("link", vec!["configure c", "link a", "link b", "unlink b", "unlink a"]),
    ];
    for (step, expected) in cases {
        let (container, journal) = container(&three(&json!({"fails": step, "category": "Misconfiguration"})));
        let error = container.open(None).await.unwrap_err();
        assert_eq!((error.code(), error.category()), ("BAD_PART", &ErrorCategory::Misconfiguration));
        assert_eq!(error.detail("component"), Some("test:part:default:b:1.0"));
        let steps = journal.take();
        assert_eq!(steps[steps.len() - expected.len()..], expected);
    }
}

#[tokio::test]
async fn a_descriptor_that_no_factory_makes_is_a_misconfiguration_that_names_it() {
    let config = three(&json!({"descriptor": "test:prat:default:b:1.0"}));
    let (container, journal) = container(&config);
    let error = container.open(Some("c")).await.unwrap_err();
    assert_eq!((error.code(), error.correlation_id()), ("CANNOT_CREATE", Some("c")));
    assert_eq!(error.category(), &ErrorCategory::Misconfiguration);
    assert_eq!(error.detail("component"), Some("test:prat:default:b:1.0"));
    assert_eq!(journal.take(), ["create a", "configure a"]);
}

#[tokio::test]
async fn a_factory_that_fails_is_an_error_with_its_category_and_cause() {
    let (container, _) = container(&json!([{"descriptor": "test:part:broken:b:1.0"}]));
    let error = container.open(None).await.unwrap_err();
    assert_eq!((error.code(), error.category()), ("CANNOT_CREATE", &ErrorCategory::Misconfiguration));
    assert!(format!("{error:#}").ends_with(": broken"), "{error:#}");
}

#[tokio::test]
async fn a_failed_start_is_logged_with_the_component_by_the_loggers_made_so_far() {
    let cases = [
        (json!({"fails": "configure"}), "test:part:default:a:1.0: configure failed"),
        (json!({"fails": "open"}), "test:part:default:a:1.0: open failed"),
        (
            json!({"needs": ["test:part:broken:x:1.0"]}),
            "test:part:broken:x:1.0, required by test:part:default:a:1.0: cannot create test:part:broken:x:1.0",
        ),
    ];
    for (mut part, expected) in cases {
        part["descriptor"] = json!("test:part:default:a:1.0");
        let (container, _) = container(&json!([{"descriptor": "test:logger:recorder:main:1.0"}, part]));
        let log = add_recorder(&container);
        container.open(None).await.unwrap_err();
        assert_eq!(log.take(), [format!("FATAL Container tests cannot start because of {expected}")]);
    }
}

#[tokio::test]
async fn after_a_failed_start_the_container_can_be_opened_again() {
    let (container, _) = container(&three(&json!({"fails": "open"})));
    for _ in 0..2 {
        assert_eq!(container.open(None).await.unwrap_err().code(), "NO_PART");
    }
}

#[tokio::test]
async fn a_failed_close_does_not_keep_the_others_open() {
    let (container, journal) = container(&json!([
        {"descriptor": "test:logger:recorder:main:1.0"},
        {"descriptor": "test:part:default:a:1.0", "fails": "close"},
        {"descriptor": "test:part:default:b:1.0"},
        {"descriptor": "test:part:default:c:1.0", "fails": "close"}
    ]));
    let log = add_recorder(&container);
    container.open(None).await.unwrap();
    journal.take();
    log.take();

    let error = container.close(None).await.unwrap_err();
    assert_eq!((error.code(), error.detail("component")), ("NO_PART", Some("test:part:default:c:1.0")));
    assert_eq!(error.detail("also.1"), Some("test:part:default:a:1.0: NO_PART: close failed"));
    let steps = ["close c", "close b", "close a", "unlink c", "unlink b", "unlink a"];
    assert_eq!(journal.take(), steps);
    let logged = [
        "ERROR Cannot close test:part:default:c:1.0: close failed",
        "ERROR Cannot close test:part:default:a:1.0: close failed",
        "INFO Container tests stopped",
    ];
    assert_eq!(log.take(), logged);
    assert!(!container.is_open());
    container.close(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_component_that_hangs_in_close_is_given_up_and_named() {
    for (limit, expected) in [(None, 10_000), (Some(Duration::from_millis(300)), 300)] {
        let (container, journal) = container(&three(&json!({"hangs": "close"})));
        if let Some(limit) = limit {
            container.set_close_timeout(limit);
        }
        container.open(None).await.unwrap();
        journal.take();

        let start = Instant::now();
        let error = container.close(Some("c")).await.unwrap_err();
        assert_eq!(start.elapsed().as_millis(), expected);
        assert_eq!((error.code(), error.category()), ("CLOSE_TIMEOUT", &ErrorCategory::NoResponse));
        assert_eq!(error.detail("component"), Some("test:part:default:b:1.0"));
        let steps = ["close c", "close b", "close a", "unlink c", "unlink b", "unlink a"];
        assert_eq!(journal.take(), steps);
    }
}

/// Of several context infos the last one counts, and what was set by the program if none tells.
#[tokio::test(start_paused = true)]
async fn the_configuration_tells_how_long_a_component_may_take_to_close() {
    let context = |name: &str, close_timeout: Value| {
        json!({
            "descriptor": format!("pip-services:context-info:default:{name}:1.0"),
            "options": {"close_timeout": close_timeout}
        })
    };
    let cases = [
        (vec![], 700),
        (vec![context("a", json!(null))], 700),
        (vec![context("a", json!(300))], 300),
        (vec![context("a", json!(300)), context("b", json!("200"))], 200),
    ];
    for (contexts, expected) in cases {
        let parts = three(&json!({"hangs": "close"}));
        let (container, _) = container(&[contexts, parts.as_array().unwrap().clone()].concat().into());
        container.set_close_timeout(Duration::from_millis(700));
        container.open(None).await.unwrap();
        let start = Instant::now();
        assert_eq!(container.close(None).await.unwrap_err().code(), "CLOSE_TIMEOUT");
        assert_eq!(start.elapsed().as_millis(), expected);
    }
}

#[tokio::test]
async fn a_close_timeout_that_is_none_is_an_error_with_key_and_entry_before_anything_is_made() {
    for (value, shown) in [("0", "0"), ("soon", "'soon'"), ("-1", "'-1'")] {
        let (container, journal) = container(&json!([
            {"descriptor": "test:part:default:a:1.0"},
            {"descriptor": "pip-services:context-info:default:main:1.0", "options": {"close_timeout": value}}
        ]));
        let error = container.open(None).await.unwrap_err();
        assert_eq!((error.code(), error.category()), ("BAD_VALUE", &ErrorCategory::Misconfiguration));
        let expected = format!("options.close_timeout is {shown}; it must be ");
        assert!(error.message().starts_with(&expected), "{error}");
        assert_eq!(error.detail("key"), Some("options.close_timeout"));
        assert_eq!(error.detail("component"), Some("pip-services:context-info:default:main:1.0"));
        assert_eq!(error.detail("entry"), Some("2"));
        assert!(journal.take().is_empty());
    }
}

#[tokio::test]
async fn a_component_that_panics_in_close_does_not_keep_the_others_open() {
    let (container, journal) = container(&three(&json!({"panics": "close"})));
    container.open(None).await.unwrap();
    journal.take();
    let error = container.close(None).await.unwrap_err();
    assert_eq!(error.code(), "CLOSE_FAILED");
    assert_eq!(error.detail("component"), Some("test:part:default:b:1.0"));
    assert_eq!(journal.take()[..3], ["close c", "close b", "close a"]);
}

#[tokio::test]
async fn a_component_that_panics_on_its_way_to_open_is_an_error_that_names_it_and_the_rest_is_closed() {
    let cases = [
        ("configure", "CONFIGURE_FAILED", vec!["configure a", "create b", "configure b"]),
        ("link", "LINK_FAILED", vec!["link a", "link b", "unlink b", "unlink a"]),
        (
            "open",
            "OPEN_FAILED",
            vec!["open a", "open b", "close b", "close a", "unlink c", "unlink b", "unlink a"],
        ),
    ];
    for (step, code, expected) in cases {
        let (container, journal) = container(&three(&json!({"panics": step})));
        let error = container.open(None).await.unwrap_err();
        assert_eq!((error.code(), error.category()), (code, &ErrorCategory::Internal));
        assert_eq!(error.detail("component"), Some("test:part:default:b:1.0"));
        let steps = journal.take();
        assert_eq!(steps[steps.len() - expected.len()..], expected);
        assert!(!container.is_open() && container.references().get_all().is_empty());

        container.configure(ContainerConfig::from_value(&three(&json!({}))).unwrap());
        container.open(None).await.unwrap();
    }
}

#[tokio::test]
async fn a_factory_that_panics_is_an_error_with_what_it_said() {
    let listed = json!([{"descriptor": "test:part:panicking:b:1.0"}]);
    let required = json!([{"descriptor": "test:part:default:a:1.0", "needs": ["test:part:panicking:b:1.0"]}]);
    for config in [listed, required] {
        let (container, _) = container(&config);
        let error = container.open(None).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "CANNOT_CREATE: creating panicked: no parts today");
        let named = [error.detail("component"), error.detail("made")];
        assert!(named.contains(&Some("test:part:panicking:b:1.0")), "{named:?}");
    }
}

#[tokio::test]
async fn a_component_that_panics_when_it_is_unlinked_does_not_keep_the_others_linked() {
    let (container, journal) = container(&three(&json!({"panics": "unlink"})));
    container.open(None).await.unwrap();
    journal.take();
    container.close(None).await.unwrap();
    assert_eq!(journal.take()[3..], ["unlink c", "unlink b", "unlink a"]);
}
