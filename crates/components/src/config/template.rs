use std::{fmt, iter};

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use serde_json::Value;

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

/// A template that cannot be understood or filled in.
#[derive(Debug)]
pub(super) struct TemplateError {
    code: &'static str,
    pub(super) line: usize,
    construct: String,
    /// The parameter that is not given.
    pub(super) variable: Option<String>,
    why: &'static str,
}

impl TemplateError {
    /// The error for a caller, with the place where the template is.
    pub(super) fn at(&self, correlation_id: Option<&str>, place: fmt::Arguments<'_>) -> ApplicationError {
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

/// A filled-in template that remembers where its lines came from.
pub(super) struct Rendered {
    pub(super) text: String,
    /// The template's line of each line of the text.
    lines: Vec<usize>,
}

impl Rendered {
    pub(super) fn new(template: &str, parameters: &ConfigParams) -> Result<Self, TemplateError> {
        let rendered = Self { text: String::with_capacity(template.len()), lines: vec![1] };
        Renderer { parameters, rendered, sections: Vec::new(), line: 1 }.render(template)
    }

    /// Adds text that begins at a line of the template, with the lines of what follows each of its line ends.
    fn push(&mut self, text: &str, line: usize, following: impl Iterator<Item = usize>) {
        // What begins a line of the text tells where that line comes from; before it could be hidden lines.
        if self.text.is_empty() || self.text.ends_with('\n') {
            self.lines.pop();
            self.lines.push(line);
        }
        self.text.push_str(text);
        self.lines.extend(following);
    }

    /// The line of the template that a line of the text came from, both counted from one.
    pub(super) fn template_line(&self, line: usize) -> usize {
        let last = self.lines.last().copied().unwrap_or(1);
        self.lines.get(line.saturating_sub(1)).copied().unwrap_or(last)
    }
}

/// Fills in a template in one pass, without a tree: no template is too deep for the stack.
struct Renderer<'a> {
    parameters: &'a ConfigParams,
    rendered: Rendered,
    sections: Vec<Section<'a>>,
    /// The template's line that is being read.
    line: usize,
}

/// A section that is open.
struct Section<'a> {
    name: &'a str,
    /// As it stands in the template, for messages.
    construct: &'a str,
    line: usize,
    inverted: bool,
    /// Whether the part being read is to be shown.
    shown: bool,
    has_else: bool,
}

impl<'a> Renderer<'a> {
    fn render(mut self, template: &'a str) -> Result<Rendered, TemplateError> {
        let mut rest = template;
        while let Some(start) = rest.find("{{") {
            let (text, tail) = rest.split_at(start);
            self.text(text);
            let construct = construct(tail).ok_or_else(|| self.unexpected("{{", "is not closed"))?;
            let tag = Tag::parse(construct).ok_or_else(|| self.unexpected(construct, "is not understood"))?;
            self.tag(construct, tag)?;
            self.line += newlines(construct);
            rest = &tail[construct.len()..];
        }
        self.text(rest);
        match self.sections.pop() {
            None => Ok(self.rendered),
            Some(section) => Err(TemplateError {
                code: "NOT_CLOSED_SECTION",
                line: section.line,
                construct: section.construct.to_owned(),
                variable: None,
                why: "is not closed",
            }),
        }
    }

    fn shown(&self) -> bool {
        self.sections.iter().all(|section| section.shown)
    }

    fn text(&mut self, text: &str) {
        let lines = newlines(text);
        if self.shown() {
            self.rendered.push(text, self.line, self.line + 1..=self.line + lines);
        }
        self.line += lines;
    }

    fn value(&mut self, value: &str) {
        let following = iter::repeat_n(self.line, newlines(value));
        self.rendered.push(value, self.line, following);
    }

    fn tag(&mut self, construct: &'a str, tag: Tag<'a>) -> Result<(), TemplateError> {
        match tag {
            Tag::Comment => {}
            Tag::Variable { name, escaped } if self.shown() => match given(self.parameters, name) {
                Some(value) if escaped => self.value(&escape(value)),
                Some(value) => self.value(value),
                None => {
                    return Err(TemplateError {
                        code: "UNDEFINED_VARIABLE",
                        line: self.line,
                        construct: construct.to_owned(),
                        variable: Some(name.to_owned()),
                        why: "is not given; pass a parameter of that name, or ask for it by {{#if}}",
                    });
                }
            },
            Tag::Variable { .. } => {}
            Tag::Open { name, inverted } => self.sections.push(Section {
                name,
                construct,
                line: self.line,
                inverted,
                shown: given(self.parameters, name).is_some_and(|value| !value.is_empty()) != inverted,
                has_else: false,
            }),
            Tag::Else => match self.sections.last_mut() {
                Some(section) if !section.has_else => {
                    section.has_else = true;
                    section.shown = !section.shown;
                }
                Some(_) => return Err(self.unexpected(construct, "is the second of its section")),
                None => return Err(self.unexpected(construct, "is outside of any section")),
            },
            Tag::Close(name) => match self.sections.pop() {
                Some(section) if section.is_closed_by(name) => {}
                Some(_) => return Err(self.unexpected(construct, "does not close the innermost section")),
                None => return Err(self.unexpected(construct, "closes no section")),
            },
        }
        Ok(())
    }

    fn unexpected(&self, construct: &str, why: &'static str) -> TemplateError {
        TemplateError {
            code: "UNEXPECTED_SYMBOL",
            line: self.line,
            construct: construct.to_owned(),
            variable: None,
            why,
        }
    }
}

impl Section<'_> {
    fn is_closed_by(&self, name: &str) -> bool {
        name == self.name || name == "if" || (name == "unless" && self.inverted)
    }
}

/// What stands between braces.
enum Tag<'a> {
    Comment,
    Variable { name: &'a str, escaped: bool },
    Open { name: &'a str, inverted: bool },
    Else,
    Close(&'a str),
}

impl<'a> Tag<'a> {
    fn parse(construct: &'a str) -> Option<Self> {
        let inside = |open, close| construct.strip_prefix(open)?.strip_suffix(close).map(str::trim);
        if let Some(content) = inside("{{{", "}}}") {
            return name(content).map(|name| Self::Variable { name, escaped: true });
        }
        let content = inside("{{", "}}")?;
        if content == "else" {
            return Some(Self::Else);
        }
        if content.starts_with('!') {
            return Some(Self::Comment);
        }
        if let Some(content) = content.strip_prefix('#') {
            let words: Vec<&str> = content.split_whitespace().collect();
            let (condition, inverted) = match words.as_slice() {
                ["if", condition] | [condition] => (condition, false),
                ["unless", condition] => (condition, true),
                _ => return None,
            };
            return name(condition).map(|name| Self::Open { name, inverted });
        }
        if let Some(content) = content.strip_prefix('^') {
            let open = |name| Self::Open { name, inverted: true };
            return name(content.trim()).map(open);
        }
        if let Some(content) = content.strip_prefix('/') {
            return match content.trim() {
                word @ ("if" | "unless") => Some(Self::Close(word)),
                content => name(content).map(Self::Close),
            };
        }
        name(content).map(|name| Self::Variable { name, escaped: false })
    }
}

/// The construct at the start of the text, with its braces.
///
/// Only a comment reaches over the end of a line or holds braces. So what a message shows of a template with a
/// missing brace is not the secret that stands after it.
fn construct(text: &str) -> Option<&str> {
    let (open, close) = match text.starts_with("{{{") {
        true => ("{{{", "}}}"),
        false => ("{{", "}}"),
    };
    let content = &text[open.len()..];
    let content = &content[..content.find(close)?];
    let is_comment = content.trim_start().starts_with('!');
    (is_comment || !content.contains(['\n', '{', '}']))
        .then(|| &text[..open.len() + content.len() + close.len()])
}

/// The text, if it can be a parameter's name.
fn name(text: &str) -> Option<&str> {
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && !["if", "unless", "else"].contains(&text)).then_some(text)
}

/// A parameter that is given, by its exact name or else in any case; a null is an empty text.
fn given<'a>(parameters: &'a ConfigParams, name: &str) -> Option<&'a str> {
    let by_name = || parameters.iter().find(|(key, _)| *key == name);
    let in_any_case = || parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    by_name().or_else(in_any_case).map(|(_, value)| value.unwrap_or_default())
}

/// The text as it stands between the quotes of a JSON string.
fn escape(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count()
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
    fn a_line_of_the_text_is_traced_to_its_line_in_the_template() {
        let parameters = ConfigParams::from_tuples([("TWO", "1\n2")]);
        let template = "a\n{{#if X}}\nhidden\n{{/if}}\n{{TWO}}\n{{! of\ntwo }}b";
        let rendered = Rendered::new(template, &parameters).unwrap();
        let traced: Vec<_> = rendered
            .text
            .lines()
            .enumerate()
            .map(|(index, text)| (text, rendered.template_line(index + 1)))
            .collect();
        assert_eq!(traced, [("a", 1), ("", 4), ("1", 5), ("2", 5), ("b", 7)]);
        assert_eq!(rendered.template_line(99), 7);
    }

    #[test]
    fn thousands_of_nested_sections_are_no_danger() {
        let depth = 5_000;
        let template = "{{#NAME}}".repeat(depth) + "x" + &"{{/NAME}}".repeat(depth);
        assert_eq!(render(&template), "x");
    }
}
