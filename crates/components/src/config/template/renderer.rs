use std::iter;

use pip_services_commons::config::ConfigParams;
use serde_json::Value;

use super::{
    error::TemplateError,
    rendered::Rendered,
    tag::{Tag, construct, head},
};

/// Fills in a template in one pass, without a tree: no template is too deep for the stack.
pub(super) struct Renderer<'a> {
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
    /// Whether what the section stands in is shown.
    within_shown: bool,
    /// Whether the part being read is shown. Known without a look at the outer sections, of which there can be many.
    shown: bool,
    has_else: bool,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(parameters: &'a ConfigParams, empty: Rendered) -> Self {
        Self { parameters, rendered: empty, sections: Vec::new(), line: 1 }
    }

    pub(super) fn render(mut self, template: &'a str) -> Result<Rendered, TemplateError> {
        let mut rest = template;
        while let Some(start) = rest.find("{{") {
            let (text, tail) = rest.split_at(start);
            self.text(text);
            let construct = construct(tail).ok_or_else(|| self.unexpected("{{", "is not closed"))?;
            let tag = Tag::parse(construct)
                .ok_or_else(|| self.unexpected(&head(construct), "is not understood"))?;
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
        self.sections.last().is_none_or(|section| section.shown)
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
            Tag::Open { name, inverted } => {
                let is_defined = given(self.parameters, name).is_some_and(|value| !value.is_empty());
                let within_shown = self.shown();
                self.sections.push(Section {
                    name,
                    construct,
                    line: self.line,
                    inverted,
                    within_shown,
                    shown: within_shown && is_defined != inverted,
                    has_else: false,
                });
            }
            Tag::Else => match self.sections.last_mut() {
                Some(section) if !section.has_else => {
                    section.has_else = true;
                    section.shown = section.within_shown && !section.shown;
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
