use std::{error::Error, io};

use pip_services_commons::errors::{ApplicationError, ErrorCategory};

fn error() -> ApplicationError {
    ApplicationError::not_found(None, "NO_ORDER", "gone")
}

#[test]
fn fields_have_the_defaults_of_the_toolkit() {
    let error = ApplicationError::new(ErrorCategory::Unknown, None, "", "");
    assert_eq!((error.code(), error.status(), error.message()), ("UNKNOWN", 500, "unknown error"));
    assert_eq!((error.correlation_id(), error.stack_trace(), error.details().count()), (None, None, 0));
    assert!(error.source().is_none());
}

#[test]
fn builders_set_one_field_each() {
    let table = [
        ("with_code", error().with_code("OTHER"), "OTHER|404|gone||"),
        ("with_code, empty", error().with_code(""), "UNKNOWN|404|gone||"),
        ("with_message", error().with_message("lost"), "NO_ORDER|404|lost||"),
        ("with_message, empty", error().with_message(""), "NO_ORDER|404|unknown error||"),
        ("with_status", error().with_status(410), "NO_ORDER|410|gone||"),
        ("with_status, 0", error().with_status(410).with_status(0), "NO_ORDER|404|gone||"),
        ("with_correlation_id", error().with_correlation_id(Some("123")), "NO_ORDER|404|gone|123|"),
        (
            "with_correlation_id, none",
            error().with_correlation_id(Some("1")).with_correlation_id(None),
            "NO_ORDER|404|gone||",
        ),
        ("with_stack_trace", error().with_stack_trace("main.rs:5"), "NO_ORDER|404|gone||main.rs:5"),
    ];
    for (what, error, expected) in table {
        let (id, trace) =
            (error.correlation_id().unwrap_or_default(), error.stack_trace().unwrap_or_default());
        let fields = format!("{}|{}|{}|{id}|{trace}", error.code(), error.status(), error.message());
        assert_eq!(fields, expected, "{what}");
        assert_eq!(error.category(), &ErrorCategory::NotFound, "{what}");
    }
}

#[test]
fn details_are_texts_in_order_and_a_repeated_one_keeps_its_place() {
    let error = error().with_details("a", 1).with_details("b", true).with_details("a", "three");
    assert_eq!(error.details().collect::<Vec<_>>(), [("a", "three"), ("b", "true")]);
    assert_eq!((error.detail("b"), error.detail("c")), (Some("true"), None));
}

#[test]
fn wrap_keeps_what_is_an_application_error_already_and_is_caused_by_anything_else() {
    let known = || ApplicationError::connection(Some("123"), "INNER", "inner").with_details("a", 1);
    let boxed: Box<dyn Error + Send + Sync> = Box::new(known());
    let table = [
        ("another error", error().wrap(io::Error::other("disk")), "NO_ORDER: gone: disk", "NotFound"),
        ("a text", error().wrap("disk"), "NO_ORDER: gone: disk", "NotFound"),
        ("an application error", error().wrap(known()), "INNER: inner", "NoResponse"),
        ("one in a box", error().wrap(boxed), "INNER: inner", "NoResponse"),
    ];
    for (what, wrapped, shown, category) in table {
        assert_eq!(
            (format!("{wrapped:#}"), wrapped.category().as_str()),
            (shown.to_owned(), category),
            "{what}"
        );
    }
    let wrapped = error().wrap(known());
    assert_eq!((wrapped.correlation_id(), wrapped.detail("a")), (Some("123"), Some("1")), "unchanged");
}

#[test]
fn an_error_is_shown_by_its_message_or_with_its_code_and_every_cause() {
    let inner = ApplicationError::connection(None, "INNER", "inner").with_cause(io::Error::other("root"));
    let outer =
        ApplicationError::internal(Some("123"), "OUTER", "outer").with_cause(inner).with_details("a", 1);
    assert_eq!(outer.to_string(), "outer");
    assert_eq!(format!("{outer:#}"), "OUTER: outer: inner: root");
    let debug = format!("{outer:?}");
    for part in ["Internal", "OUTER", "500", "outer", "123", "\"a\": \"1\"", "inner", "root"] {
        assert!(debug.contains(part), "{part} in {debug}");
    }
}
