use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use indexmap::IndexMap;

use super::ErrorCategory;

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
    /// An error of any category. The status is the category's.
    pub fn new(
        category: ErrorCategory,
        correlation_id: Option<&str>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            status: category.status(),
            category,
            code: code.into(),
            message: message.into(),
            correlation_id: correlation_id.map(str::to_owned),
            details: IndexMap::new(),
            cause: None,
            stack_trace: None,
        }))
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

    /// Sets the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }

    /// Adds a detail, or replaces the one of that name.
    #[must_use]
    pub fn with_details(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.0.details.insert(name.into(), value.to_string());
        self
    }

    /// Sets the error that led to this one.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(Arc::from(cause.into()));
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constructor_sets_the_category_and_its_status() {
        let error = ApplicationError::unauthorized(Some("c"), "REFUSED", "no");
        assert_eq!(error.category(), &ErrorCategory::Unauthorized);
        assert_eq!(error.status(), 401);
        assert_eq!(error.correlation_id(), Some("c"));
    }

    #[test]
    fn the_alternate_form_shows_every_cause_in_order() {
        let inner =
            ApplicationError::connection(None, "INNER", "inner").with_cause(std::io::Error::other("root"));
        let outer = ApplicationError::internal(None, "OUTER", "outer").with_cause(inner);
        assert_eq!(format!("{outer:#}"), "OUTER: outer: inner: root");
    }

    #[test]
    fn a_detail_set_twice_keeps_the_last_value_and_its_place() {
        let error = ApplicationError::unknown(None, "X", "x")
            .with_details("a", 1)
            .with_details("b", 2)
            .with_details("a", 3);
        assert_eq!(error.details().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
    }
}
