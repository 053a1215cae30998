use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    errors::{ApplicationError, ErrorCategory},
    refer::{Component, IReferences, References, ReferencesExt},
    run::{IClosable, IOpenable},
};
use pip_services_container::ManagedReferences;
use tokio::time::Instant;

use crate::parts::{Journal, Part, locator, part, part_factory, recorder};

/// Puts parts of these names and parameters.
async fn put(references: &ManagedReferences, journal: &Journal, parts: &[(&str, &[(&str, &str)])]) {
    for &(name, config) in parts {
        let locator = locator(&format!("test:part:default:{name}:1.0"));
        references.put(None, locator, part(name, journal, config)).await.unwrap();
    }
}

/// References with these parts, and what happens to them from then on.
async fn references(parts: &[(&str, &[(&str, &str)])]) -> (ManagedReferences, Journal) {
    let (references, journal) = (ManagedReferences::new(), Journal::default());
    put(&references, &journal, parts).await;
    journal.take();
    (references, journal)
}

fn names(references: &ManagedReferences) -> Vec<String> {
    let locators = references.references().get_all_locators();
    locators.iter().filter_map(|locator| locator.name().map(str::to_owned)).collect()
}

#[tokio::test]
async fn opening_links_all_and_then_opens_all_and_closing_undoes_it_in_reverse() {
    let (references, journal) = references(&[("a", &[]), ("b", &[]), ("c", &[])]).await;
    // They can be opened again, as often as wanted, and to ask twice does nothing.
    for _ in 0..2 {
        assert!(!references.is_open());
        references.open(None).await.unwrap();
        references.open(None).await.unwrap();
        assert!(references.is_open());
        assert_eq!(journal.take(), ["link a", "link b", "link c", "open a", "open b", "open c"]);

        references.close(None).await.unwrap();
        references.close(None).await.unwrap();
        assert!(!references.is_open());
        assert_eq!(journal.take(), ["close c", "close b", "close a", "unlink c", "unlink b", "unlink a"]);
        assert_eq!(names(&references), ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn a_component_that_is_put_or_removed_is_led_to_the_state_of_the_others() {
    // What happens to b: by whether the others are open.
    let cases = [(false, vec![], vec![]), (true, vec!["link b", "open b"], vec!["close b", "unlink b"])];
    for (is_open, expected_put, expected_removed) in cases {
        let (references, journal) = references(&[("a", &[])]).await;
        if is_open {
            references.open(None).await.unwrap();
        }
        let b = part("b", &journal, &[]);
        journal.take();
        references.put(Some("c"), locator("test:part:default:b:1.0"), b).await.unwrap();
        assert_eq!(journal.take(), expected_put);
        assert_eq!(names(&references), ["a", "b"]);

        let removed = references.remove(Some("c"), &locator("*:part:*:b:*")).await.unwrap();
        assert_eq!(removed.unwrap().type_name(), std::any::type_name::<Part>());
        assert_eq!(journal.take(), expected_removed);
        assert_eq!(names(&references), ["a"]);
        assert!(references.remove(None, &locator("*:part:*:b:*")).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_component_that_is_put_later_is_closed_first() {
    let (references, journal) = references(&[("a", &[])]).await;
    references.open(None).await.unwrap();
    put(&references, &journal, &[("b", &[])]).await;
    journal.take();
    references.close(None).await.unwrap();
    assert_eq!(journal.take(), ["close b", "close a", "unlink b", "unlink a"]);
}

#[tokio::test]
async fn what_a_component_requires_that_is_put_later_is_made_and_opened_before_it() {
    let (references, journal) = references(&[("a", &[])]).await;
    let factory = Arc::new(part_factory(&journal));
    references.put(None, locator("test:factory:parts:default:1.0"), factory).await.unwrap();
    references.open(None).await.unwrap();
    journal.take();
    put(&references, &journal, &[("b", &[("needs.x", "test:part:*:x:*")])]).await;
    let steps =
        ["create b", "configure b", "link b", "create x", "configure x", "link x", "open x", "open b"];
    assert_eq!(journal.take(), steps);
    references.close(None).await.unwrap();
    assert_eq!(journal.take()[..3], ["close b", "close x", "close a"]);
}

#[tokio::test]
async fn a_component_that_fails_when_it_is_put_is_taken_out_with_what_was_made_for_it() {
    let cases = [
        ("link", "BAD_PART", vec!["link b", "unlink b"]),
        (
            "open",
            "NO_PART",
            vec![
                "link b",
                "create x",
                "configure x",
                "link x",
                "open x",
                "open b",
                "close x",
                "unlink b",
                "unlink x",
            ],
        ),
    ];
    for (step, code, expected) in cases {
        let (references, journal) = references(&[("a", &[])]).await;
        let factory = Arc::new(part_factory(&journal));
        references.put(None, locator("test:factory:parts:default:1.0"), factory).await.unwrap();
        references.open(None).await.unwrap();
        let category = if step == "link" { "Misconfiguration" } else { "NoResponse" };
        let b = part("b", &journal, &[("fails", step), ("category", category), ("needs.x", "*:part:*:x:*")]);
        journal.take();
        let error = references.put(None, locator("test:part:default:b:1.0"), b).await.unwrap_err();
        assert_eq!((error.code(), error.detail("component")), (code, Some("test:part:default:b:1.0")));
        assert_eq!(journal.take(), expected);
        assert_eq!(names(&references), ["a", "default"]);
        assert!(references.is_open());
    }
}

#[tokio::test]
async fn all_that_match_are_removed_newest_first_and_every_one_is_closed() {
    let fails: &[(&str, &str)] = &[("fails", "close")];
    let (references, journal) = references(&[("a", &[]), ("b", fails), ("c", &[]), ("d", fails)]).await;
    references.open(None).await.unwrap();
    journal.take();
    let error = references.remove_all(None, &locator("*:part:*:*:*")).await.err().unwrap();
    assert_eq!(error.detail("component"), Some("test:part:default:d:1.0"));
    assert_eq!(error.detail("also.1"), Some("test:part:default:b:1.0: NO_PART: close failed"));
    let steps = ["close d", "close c", "close b", "close a", "unlink d", "unlink c", "unlink b", "unlink a"];
    assert_eq!(journal.take(), steps);
    assert!(names(&references).is_empty());
}

#[tokio::test]
async fn one_component_under_two_locators_is_removed_under_the_one_that_is_given() {
    for (removed, left) in [("first", "second"), ("second", "first")] {
        let (references, journal) = references(&[]).await;
        let a = part("a", &journal, &[("fails", "open")]);
        for name in ["first", "second"] {
            let locator = locator(&format!("test:part:default:{name}:1.0"));
            references.put(None, locator, a.clone()).await.unwrap();
        }
        references.remove(None, &locator(&format!("*:part:*:{removed}:*"))).await.unwrap();
        assert_eq!(names(&references), [left]);
        let error = references.open(None).await.unwrap_err();
        let expected = format!("test:part:default:{left}:1.0");
        assert_eq!(error.detail("component"), Some(expected.as_str()));
    }
}

#[tokio::test]
async fn a_component_that_fails_when_it_is_put_takes_nothing_with_it_that_others_have_put() {
    let (references, journal) = references(&[("b", &[])]).await;
    references.open(None).await.unwrap();
    let own: Arc<dyn Component> = part("own", &journal, &[]);
    let puts: Arc<dyn Component> = Arc::new(Puts(references.references().clone(), own.clone()));
    references.put(None, locator("test:puts:default:b:1.0"), puts).await.unwrap_err();
    let parts = references.references().find(&locator("test:part:default:b:1.0"), true).unwrap();
    assert!(parts.len() == 2 && Arc::ptr_eq(&parts[0], &own));
}

/// Puts a part into the references while it is opened, and fails.
struct Puts(Arc<References>, Arc<dyn Component>);
component!(Puts: dyn IOpenable, dyn IClosable);

#[async_trait]
impl IClosable for Puts {
    async fn close(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        Ok(())
    }
}

#[async_trait]
impl IOpenable for Puts {
    fn is_open(&self) -> bool {
        false
    }

    async fn open(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.0.put(locator("*:*:default:b:1.0"), self.1.clone());
        Err(ApplicationError::internal(None, "FAILED", "failed"))
    }
}

#[tokio::test]
async fn a_failed_opening_closes_what_was_opened_in_reverse_and_can_be_tried_again() {
    let (references, journal) = references(&[("a", &[]), ("b", &[]), ("c", &[("fails", "open")])]).await;
    for _ in 0..2 {
        let error = references.open(None).await.unwrap_err();
        assert_eq!((error.code(), error.category()), ("NO_PART", &ErrorCategory::NoResponse));
        assert_eq!(error.detail("component"), Some("test:part:default:c:1.0"));
        let steps = journal.take();
        let down = ["open c", "close b", "close a", "unlink c", "unlink b", "unlink a"];
        assert_eq!(steps[5..], down);
        assert!(!references.is_open());
    }
    references.remove(None, &locator("*:part:*:c:*")).await.unwrap();
    references.open(None).await.unwrap();
}

#[tokio::test]
async fn an_opening_that_is_cancelled_is_closed_by_close_and_before_the_next_one() {
    let (references, journal) = references(&[("a", &[]), ("b", &[("hangs", "open")])]).await;
    let cancelled = || async {
        tokio::select! {
            opened = references.open(None) => panic!("{opened:?}"),
            steps = journal.take_until("open b") => steps,
        }
    };
    let down = ["close b", "close a", "unlink b", "unlink a"];
    cancelled().await;
    references.close(None).await.unwrap();
    assert_eq!(journal.take(), down);

    cancelled().await;
    assert_eq!(cancelled().await[..4], down);
}

#[tokio::test(start_paused = true)]
async fn a_component_that_hangs_is_given_up_when_it_is_closed_and_when_it_is_removed() {
    let (references, _journal) =
        references(&[("a", &[("hangs", "close")]), ("b", &[("hangs", "close")])]).await;
    let log = Journal::default();
    references.put(None, locator("test:logger:recorder:main:1.0"), recorder(&log)).await.unwrap();
    references.set_close_timeout(Duration::from_millis(300));
    references.open(None).await.unwrap();
    for name in ["b", "a"] {
        let start = Instant::now();
        let error = match name {
            "b" => references.remove(None, &locator("*:part:*:b:*")).await.err(),
            _ => references.close(None).await.err(),
        };
        assert_eq!(start.elapsed().as_millis(), 300);
        assert_eq!(error.unwrap().code(), "CLOSE_TIMEOUT");
        let told =
            format!("ERROR Cannot close test:part:default:{name}:1.0: not closed within 300 ms, given up");
        assert_eq!(log.take(), [told]);
    }
}

struct Plain;
component!(Plain);

#[tokio::test]
async fn what_others_put_into_the_references_is_found_and_not_led() {
    let (references, journal) = references(&[("a", &[])]).await;
    references.open(None).await.unwrap();
    references.references().put(locator("test:plain:default:p:1.0"), Arc::new(Plain));
    let b = part("b", &journal, &[]);
    references.references().put(locator("test:part:default:b:1.0"), b);
    journal.take();
    assert!(references.references().get_one_optional::<Plain>(&locator("*:plain:*:*:*")).is_some());
    references.close(None).await.unwrap();
    assert_eq!(journal.take(), ["close a", "unlink a"]);
    assert!(references.remove(None, &locator("*:plain:*:*:*")).await.unwrap().is_some());
    assert_eq!(names(&references), ["a", "b"]);
}

#[tokio::test]
async fn one_component_under_two_locators_is_closed_when_the_last_one_is_removed() {
    let (references, journal) = references(&[]).await;
    let a = part("a", &journal, &[]);
    for name in ["first", "second"] {
        references.put(None, locator(&format!("test:part:default:{name}:1.0")), a.clone()).await.unwrap();
    }
    references.open(None).await.unwrap();
    journal.take();

    assert!(references.remove(None, &locator("*:part:*:second:*")).await.unwrap().is_some());
    assert!(journal.take().is_empty());
    assert!(references.remove(None, &locator("*:part:*:first:*")).await.unwrap().is_some());
    assert_eq!(journal.take(), ["close a", "unlink a"]);
}
