use std::sync::Arc;

use pip_services_commons::{
    component,
    config::ConfigParams,
    errors::ApplicationError,
    refer::{DependencyResolver, Descriptor, IReferences, References},
};

struct Thing(u32);
component!(Thing);

struct Other;
component!(Other);

fn references() -> References {
    let references = References::new();
    for number in [1, 2] {
        references.put(format!("g:thing:k:{number}:1.0").parse().unwrap(), Arc::new(Thing(number)));
    }
    references
}

fn resolver(line: &str) -> DependencyResolver {
    let mut resolver = DependencyResolver::new();
    resolver.configure(&ConfigParams::from_string(line)).unwrap();
    resolver
}

#[test]
fn locators_come_from_the_section_dependencies() {
    let table = [
        ("a locator", "dependencies.x=g:thing:k:1:1.0", Some("g:thing:k:1:1.0")),
        ("with wildcards", "dependencies.x=g:thing:*:*:*", Some("g:thing:*:*:*")),
        ("a null is skipped", "dependencies.x", None),
        ("an empty text is skipped", "dependencies.x=", None),
        ("a blank text is skipped", "dependencies.x=\" \"", None),
        ("another section is not read", "references.x=g:thing:k:1:1.0", None),
        ("nothing", "", None),
    ];
    for (what, line, expected) in table {
        let locator = resolver(line).locator("x").map(ToString::to_string);
        assert_eq!(locator.as_deref(), expected, "{what}");
    }
}

#[test]
fn what_is_configured_replaces_by_name_what_was_set_before() {
    let default = |name: &str| Descriptor::new("default", name, "*", "*", "*");
    let mut resolver = DependencyResolver::from_tuples([("x", default("x")), ("y", default("y"))]);
    resolver.put("z", default("z"));
    for (what, line, expected) in [
        ("configured", "dependencies.x=one:x:*:*:*;dependencies.y", "one default default"),
        ("configured again", "dependencies.x=two:x:*:*:*;dependencies.z=two:z:*:*:*", "two default two"),
    ] {
        resolver.configure(&ConfigParams::from_string(line)).unwrap();
        let groups = ["x", "y", "z"].map(|name| resolver.locator(name).and_then(Descriptor::group).unwrap());
        assert_eq!(groups.join(" "), expected, "{what}");
    }
}

#[test]
fn a_malformed_locator_is_an_error_that_names_its_key() {
    let config = ConfigParams::from_tuples([("dependencies.x", "a:b")]);
    let error = DependencyResolver::new().configure(&config).unwrap_err();
    assert_eq!((error.code(), error.detail("key")), ("BAD_DESCRIPTOR", Some("dependencies.x")));
    assert!(error.message().starts_with("dependencies.x: 'a:b' is no descriptor"), "{error}");
}

#[test]
fn lookups_by_name_give_what_the_references_give_and_nothing_for_an_unknown_name() {
    let table: [(&str, &str, &[u32], Option<&str>); 4] = [
        ("a known name", "things", &[2, 1], None),
        ("an unknown name", "unknown", &[], Some("REF_ERROR")),
        ("a locator that nothing matches", "missing", &[], Some("REF_ERROR")),
        ("a component of another type", "other", &[], Some("REF_WRONG_TYPE")),
    ];
    let references = references();
    references.put("g:other:k:n:1.0".parse().unwrap(), Arc::new(Other));
    let resolver = resolver(
        "dependencies.things=*:thing:*:*:*;dependencies.missing=*:miss:*:*:*;dependencies.other=*:other:*:*:*",
    );
    let numbers = |found: Vec<Arc<Thing>>| found.iter().map(|thing| thing.0).collect::<Vec<_>>();
    let code = |error: ApplicationError| error.code().to_owned();
    for (what, name, expected, error) in table {
        let first = expected.first().copied();
        assert_eq!(numbers(resolver.get_optional(&references, name)), expected, "get_optional: {what}");
        let one = resolver.get_one_optional::<Thing>(&references, name);
        assert_eq!(one.map(|thing| thing.0), first, "get_one_optional: {what}");

        let all = resolver.get_required(&references, name).map(numbers).map_err(code);
        assert_eq!(
            all,
            error.map_or(Ok(expected.to_vec()), |code| Err(code.to_owned())),
            "get_required: {what}"
        );
        let one =
            resolver.get_one_required::<Thing>(&references, name).map(|thing| Some(thing.0)).map_err(code);
        assert_eq!(one, error.map_or(Ok(first), |code| Err(code.to_owned())), "get_one_required: {what}");
    }
}

#[test]
fn find_fails_for_nothing_only_where_it_is_required() {
    let table = [
        ("a known name", "things", false, Ok(2)),
        ("a known name, required", "things", true, Ok(2)),
        ("an unknown name", "unknown", false, Ok(0)),
        ("an unknown name, required", "unknown", true, Err("REF_ERROR".to_owned())),
        ("nothing matches", "missing", false, Ok(0)),
        ("nothing matches, required", "missing", true, Err("REF_ERROR".to_owned())),
    ];
    let resolver = resolver("dependencies.things=*:thing:*:*:*;dependencies.missing=*:miss:*:*:*");
    for (what, name, required, expected) in table {
        let found = resolver.find(&references(), name, required);
        assert_eq!(
            found.map(|found| found.len()).map_err(|error| error.code().to_owned()),
            expected,
            "{what}"
        );
    }
}

#[test]
fn a_failed_lookup_names_the_dependency_and_its_locator() {
    let table = [
        (
            "nothing matches",
            "missing",
            "*:miss:*:1:*",
            "dependency 'missing': no component matches *:miss:*:1:*; near to it is g:thing:k:1:1.0",
        ),
        ("an unknown name", "unknown", "unknown", "dependency 'unknown': it has no locator"),
        (
            "another type",
            "wrong",
            "*:thing:*:*:*",
            "dependency 'wrong': *:thing:*:*:* is it::dependency_resolver::Thing, which does not offer \
             it::dependency_resolver::Other",
        ),
    ];
    let resolver = resolver("dependencies.missing=*:miss:*:1:*;dependencies.wrong=*:thing:*:*:*");
    for (what, name, locator, message) in table {
        let errors = [
            resolver.get_required::<Other>(&references(), name).err().unwrap(),
            resolver.get_one_required::<Other>(&references(), name).err().unwrap(),
        ];
        for error in errors {
            assert_eq!(error.message(), message, "{what}");
            let details = (error.detail("dependency"), error.detail("locator"));
            assert_eq!(details, (Some(name), Some(locator)), "{what}");
        }
    }
}
