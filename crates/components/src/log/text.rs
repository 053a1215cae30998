use std::{
    error::Error,
    fmt::{Arguments, Write as _},
    iter,
};

use pip_services_commons::errors::ApplicationError;

/// Adds a message, and the error that it is about with all of its causes and, where one came with it from another
/// process, its stack trace.
///
/// What refuses to be shown cuts the message short: the rest still tells more than nothing, while `format!`
/// would panic.
pub(super) fn push(text: &mut String, error: Option<&(dyn Error + 'static)>, message: Arguments<'_>) {
    let start = text.len();
    let _ = text.write_fmt(message);
    let Some(error) = error else {
        return;
    };
    text.push_str(if text.len() == start { "Error: " } else { ": " });
    let _ = write!(text, "{error}");
    let chain = || iter::successors(Some(error), |&error| error.source());
    for cause in chain().skip(1) {
        let _ = write!(text, " Caused by: {cause}");
    }
    if let Some(stack_trace) =
        chain().find_map(|error| error.downcast_ref::<ApplicationError>()?.stack_trace())
    {
        let _ = write!(text, " Stack trace: {stack_trace}");
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use super::*;

    fn text(message: Arguments<'_>, error: Option<&(dyn Error + 'static)>) -> String {
        let mut text = "> ".to_owned();
        push(&mut text, error, message);
        text
    }

    #[test]
    fn an_error_follows_the_message_with_all_of_its_causes_and_its_stack_trace() {
        let plain = || ApplicationError::internal(None, "PLAIN", "plain");
        let root = || io::Error::other("root");
        let inner = || ApplicationError::connection(None, "INNER", "inner").with_cause(root());
        for (what, message, error, expected) in [
            ("no error", "Sent", None, "> Sent"),
            ("no error and no message", "", None, "> "),
            ("no causes", "Lost", Some(plain()), "> Lost: plain"),
            ("no message", "", Some(plain()), "> Error: plain"),
            ("a cause", "Lost", Some(inner()), "> Lost: inner Caused by: root"),
            (
                "two causes and no message",
                "",
                Some(plain().with_cause(inner())),
                "> Error: plain Caused by: inner Caused by: root",
            ),
            (
                "a stack trace",
                "Lost",
                Some(inner().with_stack_trace("at a.js:1")),
                "> Lost: inner Caused by: root Stack trace: at a.js:1",
            ),
            (
                "the stack trace of a cause",
                "Lost",
                Some(plain().with_cause(inner().with_stack_trace("at a.js:1"))),
                "> Lost: plain Caused by: inner Caused by: root Stack trace: at a.js:1",
            ),
        ] {
            let error = error.as_ref().map(|error| error as _);
            assert_eq!(text(format_args!("{message}"), error), expected, "{what}");
        }
        assert_eq!(text(format_args!("Lost"), Some(&root())), "> Lost: root", "of another kind");
    }

    struct Unshowable;

    impl fmt::Display for Unshowable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    #[test]
    fn a_value_that_cannot_be_shown_cuts_the_message_and_fails_nobody() {
        assert_eq!(text(format_args!("before {Unshowable} after"), None), "> before ");
    }
}
