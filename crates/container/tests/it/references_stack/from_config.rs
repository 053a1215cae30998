use std::sync::Arc;

use pip_services_commons::refer::IReferences;
use pip_services_container::{ContainerConfig, ManagedReferences};
use serde_json::{Value, json};

use crate::parts::{Journal, locator, part_factory};

/// References with a factory of parts, and what happens to them.
async fn references() -> (ManagedReferences, Journal) {
    let (references, journal) = (ManagedReferences::new(), Journal::default());
    let factory = Arc::new(part_factory(&journal));
    references.put(None, locator("test:factory:parts:default:1.0"), factory).await.unwrap();
    (references, journal)
}

fn config(entries: &Value) -> ContainerConfig {
    ContainerConfig::from_value(entries).unwrap()
}

#[tokio::test]
async fn entries_are_made_and_configured_in_order_and_opened_with_the_others() {
    let entries = config(
        &json!([{"descriptor": "test:part:default:a:1.0"}, {"descriptor": "test:part:default:b:1.0"}]),
    );
    let (made, up) =
        (["create a", "configure a", "create b", "configure b"], ["link a", "link b", "open a", "open b"]);
    let (references, journal) = references().await;
    references.put_from_config(None, &entries).await.unwrap();
    assert_eq!(journal.take(), made);
    references.open(None).await.unwrap();
    assert_eq!(journal.take(), up);

    // As long as they are open, the same entries again are opened at once.
    references.put_from_config(None, &entries).await.unwrap();
    assert_eq!(journal.take(), [made, up].concat());
}

#[tokio::test]
async fn of_a_configuration_that_fails_nothing_is_added() {
    let good = json!({"descriptor": "test:part:default:a:1.0"});
    let cases = [
        (
            json!({"descriptor": "test:part:default:b:1.0", "fails": "configure"}),
            "NO_PART",
            "configure failed",
        ),
        (
            json!({"descriptor": "test:other:default:b:1.0"}),
            "CANNOT_CREATE",
            "no factory makes test:other:default:b:1.0; correct the descriptor or add a factory",
        ),
        (
            json!({"descriptor": "test:part:broken:b:1.0"}),
            "CANNOT_CREATE",
            "cannot create test:part:broken:b:1.0",
        ),
        // Only where the others are open.
        (json!({"descriptor": "test:part:default:b:1.0", "fails": "open"}), "NO_PART", "open failed"),
    ];
    for (bad, code, message) in cases {
        let (references, _) = references().await;
        references.open(None).await.unwrap();
        let error = references.put_from_config(None, &config(&json!([good, bad]))).await.unwrap_err();
        // Not wrapped as REF_ERROR.
        assert_eq!((error.code(), error.message()), (code, message));
        assert_eq!(
            (error.detail("component"), error.detail("entry")),
            (bad["descriptor"].as_str(), Some("2"))
        );
        assert_eq!(references.references().get_all().len(), 1);
        assert!(references.is_open());
    }
}

#[tokio::test]
async fn a_failed_configuration_leaves_what_was_there_under_the_same_descriptors() {
    let (references, journal) = references().await;
    let good = json!({"descriptor": "test:part:default:a:1.0"});
    references.put_from_config(None, &config(&json!([good]))).await.unwrap();
    let before = references.references().find(&locator("test:part:*:*:*"), true).unwrap();
    let bad = json!({"descriptor": "test:part:default:a:1.0", "fails": "configure"});
    references.put_from_config(None, &config(&json!([good, bad]))).await.unwrap_err();
    let after = references.references().find(&locator("test:part:*:*:*"), true).unwrap();
    assert!(after.len() == 1 && Arc::ptr_eq(&before[0], &after[0]));
    journal.take();
    references.open(None).await.unwrap();
    assert_eq!(journal.take(), ["link a", "open a"]);
}
