use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use pip_services_components::config::ConfigTemplate;

/// The first line holds the parameters, the rest is the template. It is filled in, or refused with the line at fault; and
/// what can be filled in can be put into a section, which shows it or not.
pub fn config_template(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (line, template) = text.split_once('\n').unwrap_or(("", &text));
    let parameters = ConfigParams::from_string(line);
    match ConfigTemplate::render(template, &parameters) {
        Ok(rendered) => is_filled_in(&rendered, template, &parameters),
        Err(error) => tells_what_is_wrong(&error, template, &parameters),
    }
}

fn is_filled_in(rendered: &str, template: &str, parameters: &ConfigParams) {
    if !template.contains("{{") {
        assert_eq!(rendered, template.trim());
    }
    let render = |template: String| ConfigTemplate::render(&template, parameters).unwrap();
    assert_eq!(render(format!("{template}\n{{{{! {{a}} comment\n}}}}")), rendered);

    let absent = "GIVEN_BY_NOBODY";
    if !is_given(parameters, absent) {
        let shown = format!("{{{{^{absent}}}}}\n{template}\n{{{{else}}}}hidden{{{{/{absent}}}}}");
        assert_eq!(render(shown), rendered);
        let hidden = format!("{{{{#if {absent}}}}}\n{template}\n{{{{/if}}}}");
        assert_eq!(render(hidden), "");
    }
}

fn tells_what_is_wrong(error: &ApplicationError, template: &str, parameters: &ConfigParams) {
    let line: usize = error.detail("line").expect("a line").parse().unwrap();
    let at_fault = template.split('\n').nth(line - 1).expect("a line of the template");
    let shown = error.message().strip_prefix(&format!("line {line}: ")).expect("the line first");
    // What follows a name that is not understood is hidden.
    let construct = &shown[..shown.find(['}', '…']).unwrap_or("{{".len())];
    assert!(construct.starts_with("{{") && at_fault.contains(construct), "{error}");
    match error.code() {
        "UNDEFINED_VARIABLE" => {
            let name = error.detail("variable").expect("a name");
            assert!(template.contains(name) && !is_given(parameters, name), "{error}");
        }
        code => assert!(["UNEXPECTED_SYMBOL", "NOT_CLOSED_SECTION"].contains(&code), "{error}"),
    }
}

fn is_given(parameters: &ConfigParams, name: &str) -> bool {
    parameters.keys().any(|key| key.eq_ignore_ascii_case(name))
}
