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

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str) -> String {
        let parameters = ConfigParams::from_tuples([
            ("NAME", Some("a \"b\"\t<c>")),
            ("False", Some("false")),
            ("Blank", Some("")),
            ("Null", None),
            ("TWO", Some("1\n2")),
        ]);
        ConfigTemplate::render(template, &parameters).unwrap()
    }

    fn error(template: &str) -> (String, String, String) {
        let error = ConfigTemplate::render(template, &ConfigParams::new()).unwrap_err();
        let line = error.detail("line").unwrap_or_default().to_owned();
        (error.code().to_owned(), line, error.message().to_owned())
    }

    #[test]
    fn two_braces_leave_the_value_as_it_is_and_three_escape_it_for_json() {
        assert_eq!(render("[{{NAME}}]"), "[a \"b\"\t<c>]");
        assert_eq!(render(r#"{"a":"{{{ NAME }}}"}"#), r#"{"a":"a \"b\"\t<c>"}"#);
        assert_eq!(render(r#"{"a":{{False}}}"#), r#"{"a":false}"#);
    }

    #[test]
    fn the_case_of_a_name_does_not_matter_and_a_parameter_given_as_empty_leaves_nothing() {
        assert_eq!(render("[{{false}}{{Blank}}{{{null}}}]"), "[false]");
    }

    #[test]
    fn a_parameter_that_is_not_given_is_an_error_with_its_line_and_name() {
        for construct in ["{{HOST}}", "{{{ HOST }}}"] {
            let template = format!("a: 1\n{{{{#unless HOST}}}}b: {construct}{{{{/unless}}}}");
            let error = ConfigTemplate::render(&template, &ConfigParams::new()).unwrap_err();
            assert_eq!(error.code(), "UNDEFINED_VARIABLE");
            assert_eq!((error.detail("line"), error.detail("variable")), (Some("2"), Some("HOST")));
            let expected = format!("line 2: {construct} is not given; ");
            assert!(error.message().starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn a_parameter_in_a_hidden_part_need_not_be_given() {
        let template = "{{#if HOST}}{{HOST}}{{else}}none{{/if}}{{#HOST}}{{#NAME}}{{PORT}}{{/NAME}}{{/HOST}}";
        assert_eq!(render(template), "none");
    }

    #[test]
    fn the_whole_is_trimmed() {
        assert_eq!(render(" \n {{False}} \n"), "false");
    }

    #[test]
    fn a_section_shows_one_of_its_parts() {
        let cases = [
            ("{{#if NAME}}1{{else}}2{{/if}}", "1"),
            ("{{#if blank}}1{{else}}2{{/if}}", "2"),
            ("{{#if null}}1{{/if}}", ""),
            ("{{#if FALSE}}1{{/FALSE}}", "1"),
            ("{{#NAME}}1{{/NAME}}{{#UNKNOWN}}2{{/UNKNOWN}}", "1"),
            ("{{#unless NAME}}1{{else}}2{{/unless}}", "2"),
            ("{{^UNKNOWN}}1{{else}}2{{/UNKNOWN}}", "1"),
            ("{{^UNKNOWN}}1{{/if}}", "1"),
            ("{{ # if NAME }}1{{ / if }}", "1"),
        ];
        for (template, expected) in cases {
            assert_eq!(render(template), expected, "{template}");
        }
    }

    #[test]
    fn a_nested_section_is_shown_only_where_the_outer_one_is() {
        let template = "{{#if A}}a{{#if NAME}}b{{else}}c{{/if}}{{else}}d{{#NAME}}e{{False}}{{/NAME}}{{/if}}f";
        assert_eq!(render(template), "defalsef");
    }

    #[test]
    fn comments_leave_nothing() {
        assert_eq!(render("1{{! a comment\n of {two} lines }}2"), "12");
    }

    #[test]
    fn single_braces_are_text() {
        assert_eq!(render("{a: {b: 1}}"), "{a: {b: 1}}");
    }

    #[test]
    fn a_construct_that_is_not_understood_is_an_error_with_its_line() {
        let constructs =
            ["{{>partial}}", "{{a.b}}", "{{a-b}}", "{{}}", "{{#if}}", "{{#a b}}", "{{{#a}}}", "{{/}}"];
        for construct in constructs {
            let expected = format!("line 2: {construct} is not understood");
            assert_eq!(error(&format!("1\n{construct}")), ("UNEXPECTED_SYMBOL".into(), "2".into(), expected));
        }
    }

    #[test]
    fn sections_out_of_place_are_errors_with_their_line() {
        let cases = [
            ("a\n{{#if A}}\n{{#B}}\n{{/if}}\n", "NOT_CLOSED_SECTION", "line 2: {{#if A}} is not closed"),
            ("{{#A}}{{/a}}", "UNEXPECTED_SYMBOL", "line 1: {{/a}} does not close the innermost section"),
            (
                "{{#A}}{{/unless}}",
                "UNEXPECTED_SYMBOL",
                "line 1: {{/unless}} does not close the innermost section",
            ),
            ("\n\n{{/if}}", "UNEXPECTED_SYMBOL", "line 3: {{/if}} closes no section"),
            ("{{else}}", "UNEXPECTED_SYMBOL", "line 1: {{else}} is outside of any section"),
            ("{{#A}}{{else}}{{else}}", "UNEXPECTED_SYMBOL", "line 1: {{else}} is the second of its section"),
            ("{{!\n}}{{A", "UNEXPECTED_SYMBOL", "line 2: {{ is not closed"),
            ("{{A}\npassword: hunter2\n{{B}}", "UNEXPECTED_SYMBOL", "line 1: {{ is not closed"),
            ("{{A}, password: hunter2, b: {{B}}", "UNEXPECTED_SYMBOL", "line 1: {{ is not closed"),
        ];
        for (template, code, message) in cases {
            let (found_code, _, found_message) = error(template);
            assert_eq!((found_code.as_str(), found_message.as_str()), (code, message));
        }
    }

    #[test]
    fn thousands_of_nested_sections_are_no_danger() {
        let depth = 5_000;
        let template = "{{#NAME}}".repeat(depth) + "x" + &"{{/NAME}}".repeat(depth);
        assert_eq!(render(&template), "x");
    }
}
