use pip_services_commons::{config::ConfigParams, errors::ErrorCategory};
use pip_services_components::config::ConfigTemplate;

fn render(template: &str) -> String {
    let parameters = ConfigParams::from_tuples([
        ("NAME", Some("a \"b\"\t\\<c>")),
        ("False", Some("false")),
        ("Blank", Some("")),
        ("Null", None),
        ("line_2", Some("1\n2")),
        ("braces", Some("{{NAME}}")),
    ]);
    ConfigTemplate::render(template, &parameters).unwrap()
}

#[test]
fn a_variable_is_filled_in() {
    for (what, template, expected) in [
        ("as it is, not escaped for HTML", "[{{NAME}}]", "[a \"b\"\t\\<c>]"),
        ("escaped for JSON", r#"{"a":"{{{NAME}}}"}"#, r#"{"a":"a \"b\"\t\\<c>"}"#),
        ("with line ends escaped", "[{{{line_2}}}]", r"[1\n2]"),
        ("with space around the name", "[{{ False }}{{{ False }}}]", "[falsefalse]"),
        ("in any case", "[{{false}}{{FALSE}}]", "[falsefalse]"),
        ("an empty one", "[{{Blank}}{{{blank}}}]", "[]"),
        ("a null", "[{{null}}]", "[]"),
        ("only once", "[{{braces}}]", "[{{NAME}}]"),
        ("next to braces", "{a:{{False}}}", "{a:false}"),
    ] {
        assert_eq!(render(template), expected, "{what}");
    }
}

#[test]
fn a_section_shows_one_of_its_parts() {
    for (what, template, expected) in [
        ("defined", "{{#NAME}}1{{/NAME}}", "1"),
        ("by if", "{{#if NAME}}1{{/if}}", "1"),
        ("not given", "{{#UNKNOWN}}1{{/UNKNOWN}}{{#if UNKNOWN}}2{{/if}}", ""),
        ("empty", "{{#if blank}}1{{/if}}", ""),
        ("null", "{{#if null}}1{{/if}}", ""),
        ("the text false is defined", "{{#if FALSE}}1{{/if}}", "1"),
        ("the opposite", "{{^NAME}}1{{/NAME}}{{^UNKNOWN}}2{{/UNKNOWN}}", "2"),
        ("by unless", "{{#unless NAME}}1{{/unless}}{{#unless UNKNOWN}}2{{/unless}}", "2"),
        ("else, of a shown one", "{{#if NAME}}1{{else}}2{{/if}}", "1"),
        ("else, of a hidden one", "{{#if UNKNOWN}}1{{else}}2{{/if}}", "2"),
        ("else, of an opposite", "{{^NAME}}1{{else}}2{{/NAME}}", "2"),
        ("else, of unless", "{{#unless NAME}}1{{else}}2{{/unless}}", "2"),
        ("if closes any", "{{#NAME}}1{{/if}}{{^UNKNOWN}}2{{/if}}", "12"),
        ("the name closes if", "{{#if NAME}}1{{/NAME}}", "1"),
        ("with space", "{{ # if NAME }}1{{ else }}2{{ / if }}", "1"),
        ("with variables", "{{#if False}}{{False}}{{/if}}", "false"),
        (
            "nested",
            "{{#if A}}a{{#if NAME}}b{{else}}c{{/if}}{{else}}d{{#NAME}}e{{False}}{{/NAME}}{{/if}}f",
            "defalsef",
        ),
        ("a hidden part of a hidden part", "{{#A}}{{#B}}1{{else}}2{{/B}}{{/A}}", ""),
        ("what is hidden need not be given", "{{#if HOST}}{{HOST}}{{else}}none{{/if}}", "none"),
    ] {
        assert_eq!(render(template), expected, "{what}");
    }
}

#[test]
fn all_else_is_text_and_the_whole_is_trimmed() {
    for (what, template, expected) in [
        ("nothing", "", ""),
        ("text", "a: 1\nb: 2", "a: 1\nb: 2"),
        ("single braces", "{a: {b: 1}}", "{a: {b: 1}}"),
        ("a comment", "1{{! a comment }}2", "12"),
        ("a comment with braces and lines", "1{{! of {two}\n lines }}2", "12"),
        ("a comment alone", "{{!x}}", ""),
        ("space at both ends", " \n {{False}} \n", "false"),
        ("space within", "a  {{False}}\n\n b", "a  false\n\n b"),
    ] {
        assert_eq!(render(template), expected, "{what}");
    }
}

#[test]
fn any_number_of_nested_sections_is_no_danger() {
    let depth = 200_000;
    let template = "{{#NAME}}".repeat(depth) + "x" + &"{{/NAME}}".repeat(depth);
    assert_eq!(render(&template), "x");
}

#[test]
fn a_template_that_cannot_be_filled_in_is_an_error_with_its_line_and_construct() {
    const SYMBOL: &str = "UNEXPECTED_SYMBOL";
    const NOT_CLOSED: &str = "NOT_CLOSED_SECTION";
    for (what, template, code, line, message) in [
        ("a partial", "1\n{{>partial}}", SYMBOL, "2", "{{>partial}} is not understood"),
        ("a dot in a name", "{{a.b}}", SYMBOL, "1", "{{a…}} is not understood"),
        ("a dash in a name", "{{a-b}}", SYMBOL, "1", "{{a…}} is not understood"),
        ("no name", "{{}}", SYMBOL, "1", "{{}} is not understood"),
        ("space for a name", "{{ }}", SYMBOL, "1", "{{ }} is not understood"),
        ("if without a name", "\n\n{{#if}}", SYMBOL, "3", "{{#if}} is not understood"),
        ("if with two names", "{{#if A B}}", SYMBOL, "1", "{{#if A…}} is not understood"),
        ("if with a dot", "{{#unless a.b}}", SYMBOL, "1", "{{#unless a…}} is not understood"),
        ("a keyword as a name", "{{if}}", SYMBOL, "1", "{{if}} is not understood"),
        ("two names", "{{#a b}}", SYMBOL, "1", "{{#a…}} is not understood"),
        ("a sign in three braces", "{{{#a}}}", SYMBOL, "1", "{{{#a}}} is not understood"),
        ("nothing to close", "{{/}}", SYMBOL, "1", "{{/}} is not understood"),
        ("a default of other languages", "{{A | default(1)}}", SYMBOL, "1", "{{A…}} is not understood"),
        ("not opened", "\n\n{{/if}}", SYMBOL, "3", "{{/if}} closes no section"),
        (
            "closed in another case",
            "{{#A}}{{/a}}",
            SYMBOL,
            "1",
            "{{/a}} does not close the innermost section",
        ),
        (
            "closed in another order",
            "{{#A}}{{#B}}{{/A}}",
            SYMBOL,
            "1",
            "{{/A}} does not close the innermost section",
        ),
        (
            "closed by unless",
            "{{#A}}{{/unless}}",
            SYMBOL,
            "1",
            "{{/unless}} does not close the innermost section",
        ),
        ("else outside", "{{else}}", SYMBOL, "1", "{{else}} is outside of any section"),
        ("a second else", "{{#A}}{{else}}{{else}}", SYMBOL, "1", "{{else}} is the second of its section"),
        ("braces left open", "{{!\n}}{{A", SYMBOL, "2", "{{ is not closed"),
        ("braces left open before others", "{{A}\n{{B}}", SYMBOL, "1", "{{ is not closed"),
        ("three braces, which hold no comment", "{{{! a\n{{{A}}}", SYMBOL, "1", "{{ is not closed"),
        ("not closed", "a\n{{#if A}}\nb", NOT_CLOSED, "2", "{{#if A}} is not closed"),
        (
            "the outer one not closed",
            "a\n{{#if A}}\n{{#B}}\n{{/if}}\n",
            NOT_CLOSED,
            "2",
            "{{#if A}} is not closed",
        ),
    ] {
        let error = ConfigTemplate::render(template, &ConfigParams::new()).unwrap_err();
        assert_eq!((error.code(), error.detail("line")), (code, Some(line)), "{what}");
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration, "{what}");
        assert_eq!(error.message(), format!("line {line}: {message}"), "{what}");
        assert_eq!(error.detail("variable"), None, "{what}");
    }
}

#[test]
fn a_variable_that_is_not_given_is_an_error_with_its_line_and_name() {
    for (what, construct) in [("as it is", "{{HOST}}"), ("escaped", "{{{ HOST }}}")] {
        let template = format!("a: 1\n{{{{#unless HOST}}}}b: {construct}{{{{/unless}}}}");
        let error = ConfigTemplate::render(&template, &ConfigParams::new()).unwrap_err();
        assert_eq!(
            (error.code(), error.category()),
            ("UNDEFINED_VARIABLE", &ErrorCategory::Misconfiguration)
        );
        assert_eq!((error.detail("line"), error.detail("variable")), (Some("2"), Some("HOST")), "{what}");
        assert!(error.message().starts_with(&format!("line 2: {construct} is not given; ")), "{error}");
    }
}

#[test]
fn parameters_are_overridden_whatever_the_case_of_their_names() {
    for (what, parameters, other, expected) in [
        ("nothing", &[("A", "1")][..], &[][..], "A=1"),
        ("another", &[("A", "1")], &[("B", "2")], "A=1;B=2"),
        ("the same", &[("A", "1"), ("B", "1")], &[("A", "2")], "B=1;A=2"),
        ("in another case", &[("Host", "1"), ("HOST", "2")], &[("host", "3")], "host=3"),
    ] {
        let [parameters, other] =
            [parameters, other].map(|tuples| ConfigParams::from_tuples(tuples.iter().copied()));
        let overridden = ConfigTemplate::override_parameters(&parameters, &other);
        assert_eq!(overridden.to_string(), expected, "{what}");
    }
}
