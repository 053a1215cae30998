use std::{collections::BTreeMap, error::Error};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApplicationError, ErrorCategory, application_error::shown_detail};

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
    /// Names and values that tell more. Values of other types than text are read as their JSON, nulls as absent, and
    /// secrets masked.
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
    let details: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
    let details: BTreeMap<String, String> = details
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| {
            let text = match value {
                Value::Null => return None,
                Value::String(text) => text,
                other => other.to_string(),
            };
            let shown = shown_detail(&name, &text);
            Some((name, shown))
        })
        .collect();
    Ok((!details.is_empty()).then_some(details))
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
        let code = description.code.unwrap_or_default();
        let message = description.message.unwrap_or_default();
        let mut error = Self::new(category, description.correlation_id.as_deref(), code, message)
            .with_status(description.status.unwrap_or_default());
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
