use pip_services_commons::config::ConfigParams;

use super::{error::TemplateError, renderer::Renderer};

/// A filled-in template that remembers where its lines came from.
pub(in crate::config) struct Rendered {
    pub(in crate::config) text: String,
    /// The template's line of each line of the text.
    lines: Vec<usize>,
}

impl Rendered {
    pub(in crate::config) fn new(template: &str, parameters: &ConfigParams) -> Result<Self, TemplateError> {
        let empty = Self { text: String::with_capacity(template.len()), lines: vec![1] };
        Renderer::new(parameters, empty).render(template)
    }

    /// Adds text that begins at a line of the template, with the lines of what follows each of its line ends.
    pub(super) fn push(&mut self, text: &str, line: usize, following: impl Iterator<Item = usize>) {
        // What begins a line of the text tells where that line comes from; before it could be hidden lines.
        if self.text.is_empty() || self.text.ends_with('\n') {
            self.lines.pop();
            self.lines.push(line);
        }
        self.text.push_str(text);
        self.lines.extend(following);
    }

    /// The line of the template that a line of the text came from, both counted from one.
    pub(in crate::config) fn template_line(&self, line: usize) -> usize {
        let last = self.lines.last().copied().unwrap_or(1);
        self.lines.get(line.saturating_sub(1)).copied().unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
