use pip_services_commons::config::{ConfigParams, NameResolver, OptionResolver};

#[test]
fn a_name_is_the_first_of_name_id_and_descriptor() {
    let table = [
        ("name", "name=A", Some("A")),
        ("id", "id=B", Some("B")),
        ("the name of the descriptor", "descriptor=a:b:c:D:1.0", Some("D")),
        ("name wins over id, whatever the order", "id=B;name=A", Some("A")),
        ("id wins over the descriptor", "descriptor=a:b:c:D:1.0;id=B", Some("B")),
        ("an empty name is none", "name=;id=X", Some("X")),
        ("a null name is none", "name;id=X", Some("X")),
        ("an empty id is none", "id=;descriptor=a:b:c:D:1.0", Some("D")),
        ("a wildcard is no name", "descriptor=a:b:c:*:1.0", None),
        ("an empty descriptor is none", "descriptor=", None),
        ("nothing", "", None),
        ("a malformed descriptor does not count beside a name", "name=A;descriptor=a:b", Some("A")),
    ];
    for (what, line, expected) in table {
        let name = NameResolver::resolve(&ConfigParams::from_string(line)).unwrap();
        assert_eq!(name.as_deref(), expected, "{what}");
    }
}

#[test]
fn a_malformed_descriptor_is_an_error() {
    let error = NameResolver::resolve(&ConfigParams::from_string("descriptor=a:b:c")).unwrap_err();
    assert_eq!((error.code(), error.detail("descriptor")), ("BAD_DESCRIPTOR", Some("a:b:c")));
}

#[test]
fn options_are_the_section_of_that_name_or_the_whole_if_asked() {
    let table = [
        ("the section", "a=1;options.b=2", false, "b=2"),
        ("the section, also with the flag", "a=1;options.b=2", true, "b=2"),
        ("no section", "a=1", false, ""),
        ("no section, with the flag", "a=1;b=2", true, "a=1;b=2"),
    ];
    for (what, line, config_as_default, expected) in table {
        let options = OptionResolver::resolve(&ConfigParams::from_string(line), config_as_default);
        assert_eq!(options.to_string(), expected, "{what}");
    }
}
