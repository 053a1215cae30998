use std::{error::Error, io};

use pip_services_commons::errors::{ApplicationError, ErrorCategory, ErrorDescription};
use serde_json::{Value, json};

fn read(json: &Value) -> ApplicationError {
    serde_json::from_value::<ErrorDescription>(json.clone()).unwrap().into()
}

/// What an error is on the wire.
fn written(error: &ApplicationError) -> Value {
    serde_json::to_value(ErrorDescription::from(error)).unwrap()
}

#[test]
fn errors_of_every_port_are_read_and_written_again() {
    let table = [
        (
            "Node: unset keys left out, explicit nulls",
            json!({
                "category": "BadRequest", "status": 400, "code": "X", "message": "m",
                "details": {"a": "1"}, "correlation_id": "c", "cause": null
            }),
            json!({
                "category": "BadRequest", "status": 400, "code": "X", "message": "m",
                "details": {"a": "1"}, "correlation_id": "c"
            }),
        ),
        (
            "Python: every key, null where there is nothing",
            json!({
                "type": null, "category": "InvalidState", "status": 500, "code": "NOT_OPENED", "message": "m",
                "details": null, "correlation_id": null, "cause": null, "stack_trace": null
            }),
            json!({"category": "InvalidState", "status": 500, "code": "NOT_OPENED", "message": "m"}),
        ),
        (
            "Python: every key set",
            json!({
                "type": null, "category": "NotFound", "status": 404, "code": "X", "message": "m",
                "details": {"a": "1", "b": null}, "correlation_id": "c", "cause": "why", "stack_trace": "File"
            }),
            json!({
                "category": "NotFound", "status": 404, "code": "X", "message": "m",
                "details": {"a": "1"}, "correlation_id": "c", "cause": "why", "stack_trace": "File"
            }),
        ),
        (
            "Go: details of any type",
            json!({"category": "Conflict", "code": "X", "message": "m", "details": {"n": 5, "list": [1]}}),
            json!({
                "category": "Conflict", "status": 409, "code": "X", "message": "m",
                "details": {"n": "5", "list": "[1]"}
            }),
        ),
        (
            ".NET: nulls left out, its own category of files, the name of the type",
            json!({"type": "System.IO.IOException", "category": "NoFileAccess", "status": 500, "message": "m"}),
            json!({"category": "FileError", "status": 500, "code": "UNKNOWN", "message": "m"}),
        ),
        (
            "a status other than the category's is kept",
            json!({"category": "NotFound", "status": 410, "code": "X", "message": "m"}),
            json!({"category": "NotFound", "status": 410, "code": "X", "message": "m"}),
        ),
        (
            "an unknown category loses nothing",
            json!({"category": "Teapot", "status": 418, "code": "X", "message": "m", "correlation_id": "c"}),
            json!({"category": "Teapot", "status": 418, "code": "X", "message": "m", "correlation_id": "c"}),
        ),
        (
            "keys that nobody knows are passed over",
            json!({"category": "Internal", "code": "X", "message": "m", "retry": true}),
            json!({"category": "Internal", "status": 500, "code": "X", "message": "m"}),
        ),
        (
            "blanks are nothing",
            json!({"category": "", "status": 0, "code": "", "message": "", "details": {}, "cause": ""}),
            json!({"category": "Unknown", "status": 500, "code": "UNKNOWN", "message": "unknown error"}),
        ),
        (
            "every key is optional",
            json!({}),
            json!({"category": "Unknown", "status": 500, "code": "UNKNOWN", "message": "unknown error"}),
        ),
    ];
    for (what, input, expected) in table {
        assert_eq!(written(&read(&input)), expected, "{what}");
    }
}

#[test]
fn keys_are_written_in_the_order_of_the_toolkit() {
    let error = ApplicationError::not_found(Some("c"), "X", "m")
        .with_details("b", 1)
        .with_details("a", 2)
        .with_cause("why")
        .with_stack_trace("trace");
    let mut description = ErrorDescription::from(&error);
    description.error_type = Some("MyError".into());
    assert_eq!(
        serde_json::to_string(&description).unwrap(),
        r#"{"type":"MyError","category":"NotFound","status":404,"code":"X","message":"m","details":{"a":"2","b":"1"},"correlation_id":"c","cause":"why","stack_trace":"trace"}"#
    );
}

#[test]
fn an_error_survives_the_round_trip_with_all_that_it_has() {
    let inner = ApplicationError::internal(None, "X", "outer").with_cause(io::Error::other("inner"));
    let error = ApplicationError::config(Some("c"), "BAD_QOS", "no")
        .with_status(418)
        .with_details("key", "options.qos")
        .with_stack_trace("somewhere")
        .with_cause(inner);
    let description = ErrorDescription::from(&error);
    assert_eq!(description.cause.as_deref(), Some("outer: inner"));
    let received = ApplicationError::from(description.clone());
    assert_eq!(received.category(), &ErrorCategory::Misconfiguration);
    assert_eq!(ErrorDescription::from(&received), description);
}

#[test]
fn errors_of_other_kinds_are_unknown_and_boxed_ones_are_known() {
    let own = ApplicationError::not_found(None, "NO_ORDER", "gone");
    let table: [(&str, Box<dyn Error>, Value); 3] = [
        (
            "foreign",
            Box::new(io::Error::other("disk")),
            json!({"category": "Unknown", "status": 500, "code": "UNKNOWN", "message": "disk"}),
        ),
        (
            "foreign, with a cause",
            Box::new(io::Error::other(own.clone().with_cause("why"))),
            json!({
                "category": "Unknown", "status": 500, "code": "UNKNOWN", "message": "gone", "cause": "why"
            }),
        ),
        ("of the toolkit", Box::new(own.clone()), written(&own)),
    ];
    for (what, error, expected) in table {
        assert_eq!(serde_json::to_value(ErrorDescription::from_error(&*error)).unwrap(), expected, "{what}");
    }
}

#[test]
fn what_is_no_description_is_an_error() {
    for (what, text) in [("malformed", "{"), ("a list", "[1]"), ("a status of text", r#"{"status": "400"}"#)]
    {
        assert!(serde_json::from_str::<ErrorDescription>(text).is_err(), "{what}");
    }
}
