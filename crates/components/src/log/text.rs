use std::{
    error::Error,
    fmt::{Arguments, Write as _},
};

/// Adds a message, and the error that it is about with all of its causes.
///
/// What refuses to be shown cuts the message short: the rest still tells more than nothing, while `format!`
/// would panic.
pub(super) fn push(text: &mut String, error: Option<&(dyn Error + 'static)>, message: Arguments<'_>) {
    let start = text.len();
    let _ = text.write_fmt(message);
    if let Some(error) = error {
        text.push_str(if text.len() == start { "Error: " } else { ": " });
        let _ = write!(text, "{error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(text, " Caused by: {error}");
            cause = error.source();
        }
    }
}
