use std::{collections::BTreeMap, error::Error};

use serde::{Deserialize, Serialize};

use super::{ApplicationError, ErrorCategory};

/// An error as it travels between processes, in the JSON form that all ports share; ports `ErrorDescription`,
/// `ErrorDescriptionFactory` and `ApplicationExceptionFactory`.
///
/// Reading takes every key as optional. Writing leaves out what is not there.
///
/// ```
/// use pip_services_commons::errors::{ApplicationError, ErrorDescription};
///
/// let error = ApplicationError::not_found(Some("123"), "NO_ORDER", "order 5 does not exist");
/// let json = serde_json::to_string(&ErrorDescription::from(&error))?;
/// assert_eq!(
///     json,
///     r#"{"category":"NotFound","status":404,"code":"NO_ORDER","message":"order 5 does not exist","correlation_id":"123"}"#
/// );
///
/// let received: ErrorDescription = serde_json::from_str(&json)?;
/// assert_eq!(ApplicationError::from(received).code(), "NO_ORDER");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ErrorDescription {
    /// The name of the error's type in the program that raised it, where that was no error of the toolkit.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// The category's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The text for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Names and values that tell more. Values of other types than text are read as their JSON.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "details")]
    pub details: Option<BTreeMap<String, String>>,
    /// The id of the call that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The text of the error that led to this one, with its own causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Where the error was raised. Only errors of other ports have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<String>,
}

fn details<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    let details: Option<BTreeMap<String, serde_json::Value>> = Option::deserialize(deserializer)?;
    Ok(details.map(|details| {
        let text = |value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        details.into_iter().map(|(name, value)| (name, text(value))).collect()
    }))
}

impl ErrorDescription {
    /// Describes an error of another kind than the toolkit's: category `Unknown`, code `UNKNOWN`.
    ///
    /// An [`ApplicationError`] in a box is described as what it is.
    pub fn from_error(error: &(dyn Error + 'static)) -> Self {
        match error.downcast_ref::<ApplicationError>() {
            Some(error) => error.into(),
            None => Self {
                category: Some(ErrorCategory::Unknown.to_string()),
                status: Some(ErrorCategory::Unknown.status()),
                code: Some("UNKNOWN".into()),
                message: Some(error.to_string()),
                cause: causes(error),
                ..Self::default()
            },
        }
    }
}

/// The texts of all causes of an error.
fn causes(error: &(dyn Error + 'static)) -> Option<String> {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(": "))
}

impl From<&ApplicationError> for ErrorDescription {
    fn from(error: &ApplicationError) -> Self {
        let details: BTreeMap<String, String> =
            error.details().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self {
            error_type: None,
            category: Some(error.category().to_string()),
            status: Some(error.status()),
            code: Some(error.code().to_owned()),
            message: Some(error.message().to_owned()),
            details: (!details.is_empty()).then_some(details),
            correlation_id: error.correlation_id().map(str::to_owned),
            cause: causes(error),
            stack_trace: error.stack_trace().map(str::to_owned),
        }
    }
}

impl From<ErrorDescription> for ApplicationError {
    /// Everything that is described is kept, of unknown categories too; only the type's name is left behind.
    fn from(description: ErrorDescription) -> Self {
        let category = description.category.as_deref().map_or(ErrorCategory::Unknown, ErrorCategory::from);
        let code = description.code.filter(|code| !code.is_empty()).unwrap_or_else(|| "UNKNOWN".into());
        let message = description.message.unwrap_or_else(|| "unknown error".into());
        let mut error = Self::new(category, description.correlation_id.as_deref(), code, message);
        if let Some(status) = description.status.filter(|status| *status != 0) {
            error = error.with_status(status);
        }
        for (name, value) in description.details.into_iter().flatten() {
            error = error.with_details(name, value);
        }
        if let Some(cause) = description.cause.filter(|cause| !cause.is_empty()) {
            error = error.with_cause(cause);
        }
        match description.stack_trace {
            Some(stack_trace) => error.with_stack_trace(stack_trace),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ApplicationError {
        serde_json::from_str::<ErrorDescription>(json).unwrap().into()
    }

    #[test]
    fn an_error_survives_the_round_trip_with_all_that_it_has() {
        let error = ApplicationError::config(Some("c"), "BAD_QOS", "no")
            .with_status(418)
            .with_details("key", "options.qos")
            .with_stack_trace("somewhere")
            .with_cause(
                ApplicationError::internal(None, "X", "outer").with_cause(std::io::Error::other("inner")),
            );
        let description = ErrorDescription::from(&error);
        assert_eq!(description.cause.as_deref(), Some("outer: inner"));
        let received = ApplicationError::from(description.clone());
        assert_eq!(ErrorDescription::from(&received), description);
    }

    #[test]
    fn the_forms_of_other_ports_are_read() {
        let node = read(
            r#"{"category":"BadRequest","status":400,"code":"X","message":"m","details":{"a":"1"},"cause":null}"#,
        );
        assert_eq!((node.status(), node.detail("a"), node.correlation_id()), (400, Some("1"), None));
        let python = read(
            r#"{"type":null,"category":"InvalidState","status":500,"code":"NOT_OPENED","message":"m","details":null,"correlation_id":"c","cause":null,"stack_trace":null}"#,
        );
        assert_eq!((python.category(), python.correlation_id()), (&ErrorCategory::InvalidState, Some("c")));
        let go = read(r#"{"category":"Conflict","code":"X","message":"m","details":{"count":5,"list":[1]}}"#);
        assert_eq!((go.status(), go.detail("count"), go.detail("list")), (409, Some("5"), Some("[1]")));
        let dotnet = read(r#"{"type":"System.IO.IOException","category":"NoFileAccess","message":"m"}"#);
        assert_eq!((dotnet.category(), dotnet.code()), (&ErrorCategory::FileError, "UNKNOWN"));
    }

    #[test]
    fn an_unknown_category_loses_nothing_and_an_empty_object_is_an_unknown_error() {
        let error =
            read(r#"{"category":"Teapot","status":418,"code":"X","message":"m","correlation_id":"c"}"#);
        assert_eq!(error.category(), &ErrorCategory::Other("Teapot".into()));
        assert_eq!((error.code(), error.status(), error.correlation_id()), ("X", 418, Some("c")));
        let error = read("{}");
        assert_eq!(
            (error.category(), error.code(), error.status()),
            (&ErrorCategory::Unknown, "UNKNOWN", 500)
        );
    }

    #[test]
    fn errors_of_other_kinds_are_unknown_and_boxed_ones_are_known() {
        let foreign = ErrorDescription::from_error(&std::io::Error::other("disk"));
        assert_eq!((foreign.code.as_deref(), foreign.message.as_deref()), (Some("UNKNOWN"), Some("disk")));
        let own: Box<dyn Error> = Box::new(ApplicationError::not_found(None, "NO_ORDER", "gone"));
        assert_eq!(ErrorDescription::from_error(&*own).code.as_deref(), Some("NO_ORDER"));
    }
}
