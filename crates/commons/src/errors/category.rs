use std::fmt;

/// What kind of failure an [`ApplicationError`](super::ApplicationError) is; the port of `ErrorCategory`.
///
/// A category decides how a caller reacts: retry what may pass, report what a person must mend.
///
/// ```
/// use pip_services_commons::errors::ErrorCategory;
///
/// assert_eq!(ErrorCategory::from("NotFound"), ErrorCategory::NotFound);
/// assert_eq!(ErrorCategory::NotFound.status(), 404);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCategory {
    /// Not classified.
    Unknown,
    /// A programming error or a missing reference.
    Internal,
    /// A mistake in the configuration that a person made.
    Misconfiguration,
    /// A call in the wrong state of the lifecycle.
    InvalidState,
    /// A remote side cannot be reached or did not answer in time.
    NoResponse,
    /// A remote call was answered with a failure.
    FailedInvocation,
    /// Reading or writing a local file failed.
    FileError,
    /// Arguments that can never work.
    BadRequest,
    /// Identity or permission was refused.
    Unauthorized,
    /// The object does not exist.
    NotFound,
    /// The object exists in another version.
    Conflict,
    /// The component does not have this capability.
    Unsupported,
    /// The caller sends more than it may.
    TooManyRequests,
    /// A category that another port or an application made up.
    Other(String),
}

impl ErrorCategory {
    /// The category's text in the JSON form that all ports share.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unknown => "Unknown",
            Self::Internal => "Internal",
            Self::Misconfiguration => "Misconfiguration",
            Self::InvalidState => "InvalidState",
            Self::NoResponse => "NoResponse",
            Self::FailedInvocation => "FailedInvocation",
            Self::FileError => "FileError",
            Self::BadRequest => "BadRequest",
            Self::Unauthorized => "Unauthorized",
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::Unsupported => "Unsupported",
            Self::TooManyRequests => "TooManyRequests",
            Self::Other(text) => text,
        }
    }

    /// The HTTP status that goes with the category.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooManyRequests => 429,
            _ => 500,
        }
    }
}

impl From<&str> for ErrorCategory {
    /// The category of a text; one that is not known stays as it is, and none at all is `Unknown`. `NoFileAccess` is what .NET calls `FileError`.
    fn from(text: &str) -> Self {
        match text {
            "" | "Unknown" => Self::Unknown,
            "Internal" => Self::Internal,
            "Misconfiguration" => Self::Misconfiguration,
            "InvalidState" => Self::InvalidState,
            "NoResponse" => Self::NoResponse,
            "FailedInvocation" => Self::FailedInvocation,
            "FileError" | "NoFileAccess" => Self::FileError,
            "BadRequest" => Self::BadRequest,
            "Unauthorized" => Self::Unauthorized,
            "NotFound" => Self::NotFound,
            "Conflict" => Self::Conflict,
            "Unsupported" => Self::Unsupported,
            "TooManyRequests" => Self::TooManyRequests,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for ErrorCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
