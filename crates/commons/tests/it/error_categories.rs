use pip_services_commons::errors::{ApplicationError, ErrorCategory};

type Constructor = fn(Option<&str>, &'static str, &'static str) -> ApplicationError;

#[test]
fn each_category_has_a_text_a_constructor_and_a_status() {
    let table: [(&str, ErrorCategory, Option<Constructor>, u16); 13] = [
        ("Unknown", ErrorCategory::Unknown, Some(ApplicationError::unknown), 500),
        ("Internal", ErrorCategory::Internal, Some(ApplicationError::internal), 500),
        ("Misconfiguration", ErrorCategory::Misconfiguration, Some(ApplicationError::config), 500),
        ("InvalidState", ErrorCategory::InvalidState, Some(ApplicationError::invalid_state), 500),
        ("NoResponse", ErrorCategory::NoResponse, Some(ApplicationError::connection), 500),
        ("FailedInvocation", ErrorCategory::FailedInvocation, Some(ApplicationError::invocation), 500),
        ("FileError", ErrorCategory::FileError, Some(ApplicationError::file), 500),
        ("BadRequest", ErrorCategory::BadRequest, Some(ApplicationError::bad_request), 400),
        ("Unauthorized", ErrorCategory::Unauthorized, Some(ApplicationError::unauthorized), 401),
        ("NotFound", ErrorCategory::NotFound, Some(ApplicationError::not_found), 404),
        ("Conflict", ErrorCategory::Conflict, Some(ApplicationError::conflict), 409),
        ("Unsupported", ErrorCategory::Unsupported, Some(ApplicationError::unsupported), 500),
        ("TooManyRequests", ErrorCategory::TooManyRequests, None, 429),
    ];
    for (text, category, constructor, status) in table {
        assert_eq!((category.as_str(), category.to_string()), (text, text.to_owned()));
        assert_eq!(ErrorCategory::from(text), category, "{text}");
        assert_eq!(category.status(), status, "{text}");
        if let Some(constructor) = constructor {
            let error = constructor(Some("123"), "CODE", "text");
            assert_eq!((error.category(), error.status()), (&category, status), "{text}");
            let rest = (error.correlation_id(), error.code(), error.message());
            assert_eq!(rest, (Some("123"), "CODE", "text"), "{text}");
        }
    }
}

#[test]
fn texts_of_others_are_understood() {
    let table = [
        ("the text of .NET for files", "NoFileAccess", ErrorCategory::FileError),
        ("one that is made up is kept", "Teapot", ErrorCategory::Other("Teapot".into())),
        ("case counts", "notfound", ErrorCategory::Other("notfound".into())),
        ("none", "", ErrorCategory::Unknown),
    ];
    for (what, text, expected) in table {
        assert_eq!(ErrorCategory::from(text), expected, "{what}");
    }
    let other = ErrorCategory::Other("Teapot".into());
    assert_eq!((other.as_str(), other.status()), ("Teapot", 500));
}
