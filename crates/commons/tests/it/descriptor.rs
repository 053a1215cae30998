use std::collections::HashSet;

use pip_services_commons::{errors::ErrorCategory, refer::Descriptor};
use proptest::prelude::*;

fn descriptor(text: &str) -> Descriptor {
    text.parse().unwrap()
}

#[test]
fn five_texts_or_wildcards_are_read_and_printed() {
    let table = [
        ("complete", "group:type:kind:name:1.0", "group:type:kind:name:1.0"),
        ("with wildcards", "group:*:kind:*:1.0", "group:*:kind:*:1.0"),
        ("all wildcards", "*:*:*:*:*", "*:*:*:*:*"),
        ("fields are trimmed", " group :type: * : name :1.0 ", "group:type:*:name:1.0"),
        ("case is kept", "Group:TYPE:kind:Name:1.0", "Group:TYPE:kind:Name:1.0"),
    ];
    for (what, text, expected) in table {
        assert_eq!(descriptor(text).to_string(), expected, "{what}");
        assert_eq!(format!("{:?}", descriptor(text)), format!("Descriptor({expected})"), "{what}");
        assert_eq!(descriptor(text).is_complete(), !expected.contains('*'), "{what}");
    }
}

#[test]
fn each_field_is_told_and_a_wildcard_is_none() {
    let all = |d: &Descriptor| {
        [d.group(), d.component_type(), d.kind(), d.name(), d.version()].map(|field| field.map(str::to_owned))
    };
    let complete = descriptor("group:type:kind:name:1.0");
    assert_eq!(all(&complete), ["group", "type", "kind", "name", "1.0"].map(|field| Some(field.to_owned())));
    assert_eq!(all(&descriptor("*:*:*:*:*")), [const { None }; 5]);
    assert_eq!(Descriptor::new("group", "type", "kind", "name", "1.0"), complete);
    assert_eq!(Descriptor::new("*", "type", "*", "", "1.0"), descriptor("*:type:*:*:1.0"));
}

#[test]
fn what_are_not_five_fields_is_refused() {
    let table = [
        ("nothing", "", "it has 1 fields"),
        ("space alone", " ", "it has 1 fields"),
        ("four fields", "a:b:c:d", "it has 4 fields"),
        ("six fields", "a:b:c:d:1:2", "it has 6 fields"),
        ("an empty field", "a::c:d:1", "a field is empty"),
        ("a blank field", "a: :c:d:1", "a field is empty"),
        ("an empty field at the end", "a:b:c:d:", "a field is empty"),
    ];
    for (what, text, why) in table {
        let error = text.parse::<Descriptor>().unwrap_err();
        assert_eq!(
            (error.code(), error.category(), error.detail("descriptor")),
            ("BAD_DESCRIPTOR", &ErrorCategory::Misconfiguration, Some(text)),
            "{what}"
        );
        let message = format!("'{text}' is no descriptor: {why}; it must be group:type:kind:name:version");
        assert_eq!(error.message(), message, "{what}");
    }
}

#[test]
fn fields_match_where_they_are_equal_or_either_is_a_wildcard() {
    let table = [
        ("equal", "a:b:c:d:1", "a:b:c:d:1", true),
        ("wildcards of one", "a:b:c:d:1", "*:b:*:d:*", true),
        ("wildcards of both", "a:*:c:*:1", "*:b:*:d:*", true),
        ("all wildcards", "a:b:c:d:1", "*:*:*:*:*", true),
        ("another group", "a:b:c:d:1", "x:b:c:d:1", false),
        ("another type", "a:b:c:d:1", "a:x:c:d:1", false),
        ("another kind", "a:b:c:d:1", "a:b:x:d:1", false),
        ("another name", "a:b:c:d:1", "a:b:c:x:1", false),
        ("another version", "a:b:c:d:1", "a:b:c:d:2", false),
        ("another beside wildcards", "a:b:c:d:1", "*:*:*:x:*", false),
        ("case counts", "a:b:c:d:1", "A:b:c:d:1", false),
    ];
    for (what, one, other, expected) in table {
        let (one, other) = (descriptor(one), descriptor(other));
        assert_eq!((one.matches(&other), other.matches(&one)), (expected, expected), "{what}");
    }
}

#[test]
fn equality_and_hashes_are_exact_although_matching_is_not() {
    let table = [
        ("equal", "a:b:c:d:1", "a:b:c:d:1", true),
        ("wildcards in the same fields", "a:*:c:d:*", "a:*:c:d:*", true),
        ("a wildcard of one", "a:b:c:d:1", "a:b:c:d:*", false),
        ("another field", "a:b:c:d:1", "a:b:c:d:2", false),
    ];
    for (what, one, other, expected) in table {
        let (one, other) = (descriptor(one), descriptor(other));
        assert_eq!(one == other, expected, "{what}");
        assert_eq!(HashSet::from([one]).contains(&other), expected, "{what}");
    }
}

/// So `==` must not be matching.
#[test]
fn matching_is_not_transitive() {
    let [one, any, other] = ["a:b:c:d:1", "a:b:c:*:1", "a:b:c:e:1"].map(descriptor);
    assert!(one.matches(&any) && any.matches(&other) && !one.matches(&other));
}

fn fields() -> impl Strategy<Value = [String; 5]> {
    // Few texts, so that fields are often equal.
    prop::array::uniform5("[ab*]".prop_map(String::from))
}

fn parse(fields: &[String; 5]) -> Descriptor {
    fields.join(":").parse().unwrap()
}

proptest! {
    #[test]
    fn matching_agrees_with_a_naive_model(one in fields(), other in fields()) {
        let expected = (0..5).all(|index| one[index] == "*" || other[index] == "*" || one[index] == other[index]);
        prop_assert_eq!(parse(&one).matches(&parse(&other)), expected);
        prop_assert_eq!(parse(&other).matches(&parse(&one)), expected);
        prop_assert_eq!(parse(&one) == parse(&other), one == other);
    }

    #[test]
    fn any_text_is_refused_or_prints_as_it_was_read(text in "[a*: .]{0,12}|\\PC{0,20}") {
        if let Ok(descriptor) = text.parse::<Descriptor>() {
            prop_assert_eq!(descriptor.to_string().parse::<Descriptor>().unwrap(), descriptor.clone());
            let trimmed: Vec<&str> = text.split(':').map(str::trim).collect();
            prop_assert_eq!(descriptor.to_string(), trimmed.join(":"));
        }
    }
}
