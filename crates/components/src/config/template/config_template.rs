use pip_services_commons::{config::ConfigParams, errors::ApplicationError};

use super::Rendered;

/// The template language of configuration files; ports `MustacheTemplate` of the toolkit's expressions.
///
/// It looks like mustache and differs where that would harm a configuration:
///
/// | construct | result |
/// |---|---|
/// | `{{NAME}}` | the parameter as it is |
/// | `{{{NAME}}}` | the parameter with quotes, backslashes and control characters escaped, as inside of a JSON string |
/// | `{{#if NAME}}…{{else}}…{{/if}}` | the first part where the parameter is defined, the second where not |
/// | `{{#NAME}}…{{/NAME}}` | the same |
/// | `{{#unless NAME}}…{{/unless}}`, `{{^NAME}}…{{/NAME}}` | the opposite |
/// | `{{! … }}` | a comment |
///
/// A parameter is defined when it is neither null nor an empty text; `false` is defined. Names are letters,
/// digits and `_`, and their case does not matter. `{{/if}}` ends the innermost section whatever opened it.
/// `{{else}}` can be left out. It and comments work here, although they do not in other ports.
///
/// To show a parameter that is not given at all is an error, in a comment of the file too. Other ports leave a
/// blank, which then is a host or a password that nobody has configured. One that is given as null or as an empty
/// text leaves a blank here as well, sections may ask for any parameter, and what a section hides is not looked up.
///
/// ```
/// use pip_services_commons::config::ConfigParams;
/// use pip_services_components::config::ConfigTemplate;
///
/// let template = "host: {{HOST}}\n{{#if PORT}}port: {{PORT}}{{else}}port: 1883{{/if}}";
/// let parameters = ConfigParams::from_tuples([("host", "localhost")]);
/// assert_eq!(ConfigTemplate::render(template, &parameters)?, "host: localhost\nport: 1883");
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[doc(alias = "MustacheTemplate")]
pub struct ConfigTemplate;

impl ConfigTemplate {
    /// The text with the parameters filled in, without white space at both ends.
    ///
    /// # Errors
    /// `UNEXPECTED_SYMBOL`, `NOT_CLOSED_SECTION` or `UNDEFINED_VARIABLE` (Misconfiguration), each with the construct
    /// at fault and, as the detail `line` too, its line; the last has the name as the detail `variable`.
    pub fn render(template: &str, parameters: &ConfigParams) -> Result<String, ApplicationError> {
        match Rendered::new(template, parameters) {
            Ok(rendered) => Ok(rendered.text.trim().to_owned()),
            Err(error) => Err(error.at(None, format_args!("line {}", error.line))),
        }
    }

    /// The parameters with those of `other` over them, where the case of a name does not matter, as in
    /// templates.
    ///
    /// ```
    /// use pip_services_commons::config::ConfigParams;
    /// use pip_services_components::config::ConfigTemplate;
    ///
    /// let environment = ConfigParams::from_tuples([("HOST", "a"), ("PORT", "1")]);
    /// let arguments = ConfigParams::from_tuples([("host", "b")]);
    /// let parameters = ConfigTemplate::override_parameters(&environment, &arguments);
    /// assert_eq!(parameters, ConfigParams::from_tuples([("PORT", "1"), ("host", "b")]));
    /// ```
    #[must_use]
    pub fn override_parameters(parameters: &ConfigParams, other: &ConfigParams) -> ConfigParams {
        let replaced = |name: &str| other.keys().any(|key| key.eq_ignore_ascii_case(name));
        let kept: ConfigParams = parameters.iter().filter(|(name, _)| !replaced(name)).collect();
        kept.override_with(other)
    }
}
