use std::fmt;

use pip_services_commons::errors::ApplicationError;

/// A template that cannot be understood or filled in.
#[derive(Debug)]
pub(in crate::config) struct TemplateError {
    pub(super) code: &'static str,
    pub(in crate::config) line: usize,
    pub(super) construct: String,
    /// The parameter that is not given.
    pub(in crate::config) variable: Option<String>,
    pub(super) why: &'static str,
}

impl TemplateError {
    /// The error for a caller, with the place where the template is.
    pub(in crate::config) fn at(
        &self,
        correlation_id: Option<&str>,
        place: fmt::Arguments<'_>,
    ) -> ApplicationError {
        let error = ApplicationError::config(correlation_id, self.code, format!("{place}: {self}"))
            .with_details("line", self.line);
        match &self.variable {
            Some(variable) => error.with_details("variable", variable),
            None => error,
        }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.construct, self.why)
    }
}

impl std::error::Error for TemplateError {}
