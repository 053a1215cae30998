use std::sync::{Arc, Mutex};

use pip_services_commons::{
    component,
    errors::{ApplicationError, ErrorCategory},
    refer::{
        Component, Descriptor, IReferenceable, IReferences, IUnreferenceable, Referencer, References,
        ReferencesExt,
    },
};

type Journal = Arc<Mutex<Vec<String>>>;

/// Looks up what it was given, if anything.
struct Seeker {
    name: &'static str,
    locator: Option<Descriptor>,
    journal: Journal,
}
component!(Seeker: dyn IReferenceable, dyn IUnreferenceable);

impl IReferenceable for Seeker {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.journal.lock().unwrap().push(format!("link {}", self.name));
        match &self.locator {
            Some(locator) => references.get_one_required::<Plain>(locator).map(|_| ()),
            None => Ok(()),
        }
    }
}

impl IUnreferenceable for Seeker {
    fn unset_references(&self) {
        self.journal.lock().unwrap().push(format!("unlink {}", self.name));
    }
}

struct Plain;
component!(Plain);

fn components(journal: &Journal, locators: [Option<&str>; 3]) -> Vec<Arc<dyn Component>> {
    let seekers = ["a", "b", "c"].into_iter().zip(locators).map(|(name, locator)| {
        let locator = locator.map(|text| text.parse().unwrap());
        Arc::new(Seeker { name, locator, journal: journal.clone() }) as Arc<dyn Component>
    });
    [Arc::new(Plain) as Arc<dyn Component>].into_iter().chain(seekers).collect()
}

#[test]
fn components_are_linked_and_unlinked_in_order_and_those_without_the_interface_passed_over() {
    let journal = Journal::default();
    let components = components(&journal, [None; 3]);
    Referencer::set_references(&References::new(), &components).unwrap();
    Referencer::unset_references(&components);
    let expected = ["link a", "link b", "link c", "unlink a", "unlink b", "unlink c"];
    assert_eq!(*journal.lock().unwrap(), expected);
    Referencer::set_references(&References::new(), &[]).unwrap();
}

#[test]
fn a_failed_lookup_tells_who_asked_for_what_and_what_came_near() {
    let (journal, references) = (Journal::default(), References::new());
    references.put("g:plain:k:main:1.0".parse().unwrap(), Arc::new(Plain));
    let components = components(&journal, [Some("g:plain:*:*:*"), Some("g:plain:*:other:*"), None]);
    let error = Referencer::set_references(&references, &components).unwrap_err();

    assert_eq!((error.code(), error.category()), ("REF_ERROR", &ErrorCategory::Internal));
    let message =
        "it::referencer::Seeker: no component matches g:plain:*:other:*; near to it is g:plain:k:main:1.0";
    assert_eq!(error.message(), message);
    let details = [
        ("locator", "g:plain:*:other:*"),
        ("near", "g:plain:k:main:1.0"),
        ("component", "it::referencer::Seeker"),
    ];
    assert_eq!(error.details().collect::<Vec<_>>(), details);
    assert_eq!(*journal.lock().unwrap(), ["link a", "link b"], "the first error ends it");
}
