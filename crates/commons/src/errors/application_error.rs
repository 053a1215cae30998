use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use indexmap::IndexMap;

use super::ErrorCategory;
use crate::config::redacted;

const UNKNOWN_CODE: &str = "UNKNOWN";
const UNKNOWN_MESSAGE: &str = "unknown error";

/// An error with a category, a stable code, an HTTP status, the correlation id of the call, details and a cause.
///
/// Ports `ApplicationException` (`ApplicationError` in Go). The classes that derive from it in other ports
/// are constructors here: `ConfigException` is [`ApplicationError::config`], and so on.
///
/// `{}` prints the message, `{:#}` the code, the message and every cause:
///
/// ```
/// use pip_services_commons::errors::ApplicationError;
///
/// let io = std::io::Error::other("disk is gone");
/// let error = ApplicationError::file(None, "READ_FAILED", "cannot read orders.yml").with_cause(io);
/// assert_eq!(error.to_string(), "cannot read orders.yml");
/// assert_eq!(format!("{error:#}"), "READ_FAILED: cannot read orders.yml: disk is gone");
/// ```
#[derive(Clone)]
#[doc(alias = "ApplicationException")]
pub struct ApplicationError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    category: ErrorCategory,
    code: Cow<'static, str>,
    status: u16,
    message: String,
    correlation_id: Option<String>,
    details: IndexMap<String, String>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    stack_trace: Option<String>,
}

macro_rules! constructors {
    ($($name:ident, $category:ident, $class:literal, $use:literal;)+) => {$(
        #[doc = concat!("An error of category [`", stringify!($category), "`](ErrorCategory::", stringify!($category), "): ", $use, ".")]
        #[doc = concat!("\n\nPorts `", $class, "`.")]
        #[doc(alias = $class)]
        pub fn $name(
            correlation_id: Option<&str>,
            code: impl Into<Cow<'static, str>>,
            message: impl Into<String>,
        ) -> Self {
            Self::new(ErrorCategory::$category, correlation_id, code, message)
        }
    )+};
}

impl ApplicationError {
    /// An error of any category. The status is the category's; an empty code is `UNKNOWN`, and an empty message
    /// `unknown error`.
    pub fn new(
        category: ErrorCategory,
        correlation_id: Option<&str>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            status: category.status(),
            category,
            code: UNKNOWN_CODE.into(),
            message: UNKNOWN_MESSAGE.to_owned(),
            correlation_id: correlation_id.map(str::to_owned),
            details: IndexMap::new(),
            cause: None,
            stack_trace: None,
        }))
        .with_code(code)
        .with_message(message)
    }

    constructors! {
        unknown, Unknown, "UnknownException", "not classified";
        internal, Internal, "InternalException", "a programming error";
        config, Misconfiguration, "ConfigException", "a mistake in the configuration";
        invalid_state, InvalidState, "InvalidStateException", "a call in the wrong state of the lifecycle";
        connection, NoResponse, "ConnectionException", "the other side cannot be reached or did not answer in time";
        invocation, FailedInvocation, "InvocationException", "a remote call failed";
        file, FileError, "FileException", "reading or writing a local file failed";
        bad_request, BadRequest, "BadRequestException", "arguments that can never work";
        unauthorized, Unauthorized, "UnauthorizedException", "identity or permission was refused";
        not_found, NotFound, "NotFoundException", "the object does not exist";
        conflict, Conflict, "ConflictException", "the object exists in another version";
        unsupported, Unsupported, "UnsupportedException", "the component does not have this capability";
    }

    /// What kind of failure this is.
    pub fn category(&self) -> &ErrorCategory {
        &self.0.category
    }

    /// The stable code that programs can test, such as `NOT_OPENED`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The HTTP status that a service would answer with.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The text for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The id of the call that failed.
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.correlation_id.as_deref()
    }

    /// Names and values that tell more, in the order in which they were added.
    pub fn details(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.details.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// One detail by its name.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.0.details.get(name).map(String::as_str)
    }

    /// Where the error was raised, for one that came from a port that tells it.
    pub fn stack_trace(&self) -> Option<&str> {
        self.0.stack_trace.as_deref()
    }

    /// Sets the code, `UNKNOWN` for an empty one.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        let code = code.into();
        self.0.code = if code.is_empty() { UNKNOWN_CODE.into() } else { code };
        self
    }

    /// Sets the text for a person, `unknown error` for an empty one.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        let message = message.into();
        self.0.message = if message.is_empty() { UNKNOWN_MESSAGE.to_owned() } else { message };
        self
    }

    /// Sets the HTTP status, that of the category for 0.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = if status == 0 { self.0.category.status() } else { status };
        self
    }

    /// Adds a detail, or replaces the one of that name.
    ///
    /// A secret is masked, told by the detail's name, and so is the user info of a URI; see [`redacted`]. The name
    /// `key` alone tells of no secret: its value is the key of a parameter.
    ///
    /// ```
    /// use pip_services_commons::errors::ApplicationError;
    ///
    /// let error = ApplicationError::unauthorized(None, "REFUSED", "the broker refused the login")
    ///     .with_details("key", "credential.password")
    ///     .with_details("password", "hunter2");
    /// let details: Vec<(&str, &str)> = error.details().collect();
    /// assert_eq!(details, [("key", "credential.password"), ("password", "***")]);
    /// ```
    #[must_use]
    pub fn with_details(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        let (name, value) = (name.into(), value.to_string());
        let shown = shown_detail(&name, &value);
        self.0.details.insert(name, shown);
        self
    }

    /// Sets the error that led to this one.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(Arc::from(cause.into()));
        self
    }

    /// This error with its cause, or the cause as it is where that is an `ApplicationError`, which tells more.
    ///
    /// ```
    /// use pip_services_commons::errors::ApplicationError;
    ///
    /// let wrap = |cause| ApplicationError::unknown(None, "SEND_FAILED", "cannot send").wrap(cause);
    /// let io: Box<dyn std::error::Error + Send + Sync> = "disk is gone".into();
    /// assert_eq!(format!("{:#}", wrap(io)), "SEND_FAILED: cannot send: disk is gone");
    /// let known = ApplicationError::connection(None, "NO_BROKER", "the broker is down");
    /// assert_eq!(format!("{:#}", wrap(known.into())), "NO_BROKER: the broker is down");
    /// ```
    #[must_use]
    #[doc(alias = "wrap_error")]
    pub fn wrap(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match cause.into().downcast::<Self>() {
            Ok(known) => *known,
            Err(cause) => self.with_cause(cause),
        }
    }

    /// Sets where the error was raised.
    #[must_use]
    pub fn with_stack_trace(mut self, stack_trace: impl Into<String>) -> Self {
        self.0.stack_trace = Some(stack_trace.into());
        self
    }

    /// Sets the id of the call that failed.
    #[must_use]
    pub fn with_correlation_id(mut self, correlation_id: Option<&str>) -> Self {
        self.0.correlation_id = correlation_id.map(str::to_owned);
        self
    }
}

/// The value of a detail without secrets.
pub(super) fn shown_detail(name: &str, value: &str) -> String {
    redacted(if name == "key" { "" } else { name }, value).into_owned()
}

impl fmt::Display for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return f.write_str(&self.0.message);
        }
        write!(f, "{}: {}", self.0.code, self.0.message)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { category, code, status, message, correlation_id, details, cause, stack_trace: _ } =
            &*self.0;
        f.debug_struct("ApplicationError")
            .field("category", category)
            .field("code", code)
            .field("status", status)
            .field("message", message)
            .field("correlation_id", correlation_id)
            .field("details", details)
            .field("cause", cause)
            .finish()
    }
}

impl Error for ApplicationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_ref().map(|cause| &**cause as &(dyn Error + 'static))
    }
}
