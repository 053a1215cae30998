use std::sync::Arc;

use pip_services_commons::{
    component,
    errors::ErrorCategory,
    refer::{Component, Descriptor, IReferences, References, ReferencesExt, cast},
};

trait INumber: Send + Sync {
    fn number(&self) -> u32;
}

struct Number(u32);
component!(Number: dyn INumber);

impl INumber for Number {
    fn number(&self) -> u32 {
        self.0
    }
}

struct Text;
component!(Text);

fn locator(text: &str) -> Descriptor {
    text.parse().unwrap()
}

/// 1, 2 and 3, put in this order; 1 and 3 have the same locator.
fn numbers() -> References {
    let references = References::new();
    for (name, number) in [("odd", 1), ("even", 2), ("odd", 3)] {
        references.put(locator(&format!("g:number:k:{name}:1.0")), Arc::new(Number(number)));
    }
    references
}

fn values(components: &[Arc<dyn Component>]) -> Vec<u32> {
    components.iter().filter_map(cast::<Number>).map(|number| number.0).collect()
}

#[test]
fn lookups_give_what_matches_newest_first() {
    let table: [(&str, &str, &[u32]); 5] = [
        ("by wildcards", "*:number:*:*:*", &[3, 2, 1]),
        ("several of the same locator", "g:number:k:odd:1.0", &[3, 1]),
        ("one", "*:*:*:even:*", &[2]),
        ("none", "*:text:*:*:*", &[]),
        ("case counts", "*:Number:*:*:*", &[]),
    ];
    for (what, asked, expected) in table {
        let (references, asked) = (numbers(), locator(asked));
        assert_eq!(values(&references.find(&asked, false).unwrap()), expected, "find: {what}");
        let typed =
            |found: Vec<Arc<dyn INumber>>| found.iter().map(|found| found.number()).collect::<Vec<_>>();
        assert_eq!(typed(references.get_optional(&asked)), expected, "get_optional: {what}");
        let one = references.get_one_optional::<dyn INumber>(&asked).map(|found| found.number());
        assert_eq!(one, expected.first().copied(), "get_one_optional: {what}");

        let missing = expected.is_empty().then_some("REF_ERROR");
        let code = |error: Option<&pip_services_commons::errors::ApplicationError>| {
            error.map(|error| error.code().to_owned())
        };
        let found = references.find(&asked, true);
        assert_eq!(code(found.as_ref().err()).as_deref(), missing, "find, required: {what}");
        let all = references.get_required(&asked);
        assert_eq!(code(all.as_ref().err()).as_deref(), missing, "get_required: {what}");
        assert_eq!(typed(all.unwrap_or_default()), expected, "get_required: {what}");
        let one = references.get_one_required::<dyn INumber>(&asked);
        assert_eq!(code(one.as_ref().err()).as_deref(), missing, "get_one_required: {what}");
        assert_eq!(
            one.ok().map(|found| found.number()),
            expected.first().copied(),
            "get_one_required: {what}"
        );
    }
}

#[test]
fn listings_go_oldest_first_and_nothing_that_is_put_is_replaced() {
    let references = numbers();
    assert_eq!(values(&references.get_all()), [1, 2, 3]);
    let names: Vec<_> = references.get_all_locators().iter().map(|l| l.name().unwrap().to_owned()).collect();
    assert_eq!(names, ["odd", "even", "odd"]);
    assert!(References::new().get_all().is_empty() && References::new().get_all_locators().is_empty());
}

#[test]
fn remove_takes_the_newest_match_and_remove_all_every_one_newest_first() {
    let table: [(&str, &str, Option<u32>, &[u32]); 4] = [
        ("by wildcards", "*:number:*:*:*", Some(3), &[3, 2, 1]),
        ("of the same locator", "g:number:k:odd:1.0", Some(3), &[3, 1]),
        ("one", "*:*:*:even:*", Some(2), &[2]),
        ("none", "*:text:*:*:*", None, &[]),
    ];
    for (what, asked, one, all) in table {
        let (references, asked) = (numbers(), locator(asked));
        let removed: Vec<_> = references.remove(&asked).into_iter().collect();
        assert_eq!(values(&removed), Vec::from_iter(one), "remove: {what}");
        let rest: Vec<u32> = [1, 2, 3].into_iter().filter(|number| Some(*number) != one).collect();
        assert_eq!(values(&references.get_all()), rest, "after remove: {what}");

        let references = numbers();
        assert_eq!(values(&references.remove_all(&asked)), all, "remove_all: {what}");
        let rest: Vec<u32> = [1, 2, 3].into_iter().filter(|number| !all.contains(number)).collect();
        assert_eq!(values(&references.get_all()), rest, "after remove_all: {what}");
    }
}

#[test]
fn a_component_is_removed_by_itself_whatever_else_has_its_locator() {
    let references = numbers();
    let number: Arc<dyn Component> = Arc::new(Number(4));
    for name in ["first", "second"] {
        references.put(locator(&format!("g:number:k:{name}:1.0")), number.clone());
    }
    references.put(locator("*:*:*:*:*"), Arc::new(Number(5)));
    assert!(references.remove_component(&number));
    assert_eq!(references.get_all_locators()[3].name(), Some("first"));
    assert!(references.remove_component(&number));
    assert!(!references.remove_component(&number));
    assert_eq!(values(&references.get_all()), [1, 2, 3, 5]);
}

#[test]
fn a_wildcard_in_the_locator_of_a_component_matches_too() {
    let references = References::new();
    references.put(locator("*:number:*:*:1.0"), Arc::new(Number(7)));
    assert!(references.get_one_optional::<Number>(&locator("any:number:of:them:1.0")).is_some());
    assert!(references.get_one_optional::<Number>(&locator("any:number:of:them:2.0")).is_none());
}

#[test]
fn components_of_another_type_are_passed_over() {
    let references = numbers();
    references.put(locator("g:number:k:odd:1.0"), Arc::new(Text));
    assert_eq!(references.get_one_required::<dyn INumber>(&locator("*:*:*:odd:*")).unwrap().number(), 3);
    assert_eq!(references.get_required::<Number>(&locator("*:*:*:odd:*")).unwrap().len(), 2);
}

#[test]
fn nothing_found_and_wrong_type_are_two_errors_and_the_second_names_the_type() {
    let references = References::new();
    references.put(locator("g:text:k:n:1.0"), Arc::new(Text));
    let missing = references.get_one_required::<dyn INumber>(&locator("g:number:*:*:*")).err().unwrap();
    assert_eq!((missing.code(), missing.detail("locator")), ("REF_ERROR", Some("g:number:*:*:*")));
    assert_eq!((missing.category(), missing.status()), (&ErrorCategory::Internal, 500));

    let wrong = references.get_one_required::<dyn INumber>(&locator("g:text:*:*:*")).err().unwrap();
    assert_eq!((wrong.code(), wrong.detail("locator")), ("REF_WRONG_TYPE", Some("g:text:*:*:*")));
    assert!(
        wrong.message().contains("Text") && wrong.message().contains("dyn it::references::INumber"),
        "{wrong}"
    );
    assert!(references.get_one_optional::<dyn INumber>(&locator("g:text:*:*:*")).is_none());
    assert!(references.get_optional::<dyn INumber>(&locator("g:text:*:*:*")).is_empty());
}

#[test]
fn a_failed_lookup_tells_what_came_near() {
    let table = [
        ("another name, of several", "*:number:*:three:*", Some("g:number:k:odd:1.0, g:number:k:even:1.0")),
        ("two fields differ", "g:number:j:three:1.0", Some("g:number:k:odd:1.0, g:number:k:even:1.0")),
        ("one differs less than the others", "h:text:k:n:1.0", Some("g:text:k:n:1.0")),
        ("most fields differ", "other:thing:x:y:2.0", None),
    ];
    let references = References::new();
    for name in ["odd", "even"] {
        references.put(locator(&format!("g:number:k:{name}:1.0")), Arc::new(Number(0)));
    }
    references.put(locator("g:text:k:n:1.0"), Arc::new(Text));
    for (what, asked, near) in table {
        let error = references.find(&locator(asked), true).err().unwrap();
        let message = match near {
            Some(near) => format!("no component matches {asked}; near to it is {near}"),
            None => format!("no component matches {asked}"),
        };
        assert_eq!((error.message(), error.detail("near")), (&*message, near), "{what}");
    }
}
