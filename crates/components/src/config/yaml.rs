use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Error, MessageFormatter, NonFiniteFloatPolicy, Options, Spanned, UserMessageFormatter};

use super::file::ParseError;

/// How many nodes aliases may add up to; enough for any file that a person wrote.
const MAX_ALIASED_NODES: usize = 10_000;

/// How deep lists and maps may be nested. The parser takes so much of the stack for each level that 60 of them, in a build
/// without optimizations, end a process whose thread has the 2 MiB that are usual.
const MAX_DEPTH: usize = 32;

/// Parses a YAML document. An empty one is null.
pub(super) fn parse(text: &str) -> Result<Value, ParseError> {
    let node: Spanned<Node> = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let error: &Error = error.without_snippet();
        ParseError {
            line: error.location().and_then(|location| location.line().try_into().ok()),
            cause: UserMessageFormatter.format_message(error).into(),
        }
    })?;
    Ok(to_value(node, text))
}

fn options() -> Options {
    serde_saphyr::options! {
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_ALIASED_NODES },
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
        // `no`, `on` and `1_000` are words, as YAML 1.2 has it.
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        leading_zero_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        // The error goes to logs, and lines of the file can hold secrets.
        with_snippet: false,
    }
}

/// A part of the document, which knows where it stands, so that numbers can be read as they are written.
enum Node {
    Null,
    Bool(bool),
    /// `None` is a number that JSON cannot express.
    Number(Option<Number>),
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(String, Spanned<Node>)>),
}

fn to_value(node: Spanned<Node>, text: &str) -> Value {
    match node.value {
        Node::Null => Value::Null,
        Node::Bool(value) => Value::Bool(value),
        Node::Text(value) => Value::String(value),
        Node::List(items) => items.into_iter().map(|item| to_value(item, text)).collect(),
        Node::Map(entries) => {
            entries.into_iter().map(|(key, node)| (key, to_value(node, text))).collect::<Map<_, _>>().into()
        }
        Node::Number(number) => {
            let span = node.defined.span();
            let written = || {
                let start = usize::try_from(span.byte_offset()?).ok()?;
                let len = usize::try_from(span.byte_len()?).ok()?;
                text.get(start..start.checked_add(len)?).map(str::trim)
            };
            match (number, written()) {
                (Some(number), Some(written)) if is_decimal(written) && number.to_string() != written => {
                    written.into()
                }
                (Some(number), _) => number.into(),
                (None, Some(written)) => written.into(),
                (None, None) => Value::Null,
            }
        }
    }
}

/// Whether a number is written with digits that have a meaning as a text too, unlike `0x1F` or a tagged one.
fn is_decimal(written: &str) -> bool {
    written.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(Some(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(Some(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(Number::from_f64(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        parse(text).map_err(|error| error.cause.to_string()).unwrap()
    }

    fn error(text: &str) -> (Option<usize>, String) {
        let error = parse(text).err().unwrap();
        (error.line, error.cause.to_string())
    }

    #[test]
    fn quoted_text_stays_text_and_plain_values_have_their_types() {
        let text = "quoted: \"1.0\"\nplain: 1.0\nint: 1883\nyes: true\nnothing: ~\nempty:\nlist: [a, 'true']";
        let expected = json!({
            "quoted": "1.0", "plain": 1.0, "int": 1883, "yes": true, "nothing": null, "empty": null,
            "list": ["a", "true"]
        });
        assert_eq!(value(text), expected);
    }

    #[test]
    fn a_number_prints_as_it_is_written() {
        for written in ["1.0", "1.10", "+49123", "0012", "52e3", "1_000", "1e999", "12345678901234567890123"]
        {
            let value = value(&format!("a: {written} # comment"));
            let printed = match &value["a"] {
                Value::String(text) => text.clone(),
                number => number.to_string(),
            };
            assert_eq!(printed, written);
        }
        assert_eq!(value("a: 0x1F"), json!({"a": 31}));
        assert_eq!(value("a: .inf"), json!({"a": ".inf"}));
        assert_eq!(value("é: &x 1.10\nb: [*x]"), json!({"é": "1.10", "b": ["1.10"]}));
        assert_eq!(value("a: !!float \"1.10\""), json!({"a": 1.1}));
    }

    #[test]
    fn the_words_of_older_yaml_are_text() {
        assert_eq!(value("[yes, no, on, off, y, n]"), json!(["yes", "no", "on", "off", "y", "n"]));
    }

    #[test]
    fn keys_keep_their_order() {
        let value = value("z: 1\n1: 2\na: 3");
        let keys: Vec<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["z", "1", "a"]);
    }

    #[test]
    fn merge_keys_fill_in_what_is_not_there() {
        let text = "base: &base {a: 1, b: 2}\nother: {<<: *base, b: 3}";
        assert_eq!(value(text)["other"], json!({"a": 1, "b": 3}));
    }

    #[test]
    fn an_empty_document_is_null_and_two_documents_are_an_error() {
        assert_eq!(value(""), Value::Null);
        assert_eq!(value("# nothing\n"), Value::Null);
        assert!(parse("a: 1\n---\nb: 2").is_err());
    }

    #[test]
    fn a_key_given_twice_is_an_error_with_its_line() {
        let (line, cause) = error("a: 1\nb: 2\na: 3");
        assert_eq!(line, Some(3));
        assert!(cause.contains("duplicate"), "{cause}");
    }

    #[test]
    fn malformed_text_is_an_error_with_its_line_but_without_its_content() {
        let (line, cause) = error("password: hunter2\nb: [1, 2\nc: 3");
        assert!(line.is_some_and(|line| line > 1), "{line:?}");
        assert!(!cause.contains("hunter2") && !cause.contains("line"), "{cause}");
    }

    #[test]
    fn aliases_that_multiply_are_bounded() {
        let mut text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let aliases = vec![format!("*l{}", level - 1); 10].join(", ");
            text.push_str(&format!("l{level}: &l{level} [{aliases}]\n"));
        }
        assert!(parse(&text).is_err());
        assert!(parse(&("[".repeat(10_000) + &"]".repeat(10_000))).is_err());
    }

    #[test]
    fn nesting_is_bounded_by_what_the_stack_of_a_thread_holds() {
        let nested = |depth: usize, open: &str, close: &str| {
            parse(&(open.repeat(depth) + "x" + &close.repeat(depth))).is_ok()
        };
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
            assert!(nested(MAX_DEPTH, open, close), "{open}");
            for depth in [MAX_DEPTH + 1, 60, 100, 250] {
                assert!(!nested(depth, open, close), "{open} {depth}");
            }
        }
    }

    #[test]
    fn nesting_by_aliases_is_bounded_too() {
        for depth in [60, 250, 1000] {
            let mut text = "l0: &l0 [x]\n".to_owned();
            for level in 1..depth {
                text.push_str(&format!("l{level}: &l{level} [*l{}]\n", level - 1));
            }
            assert!(parse(&text).is_err(), "{depth}");
        }
    }

    #[test]
    fn an_alias_to_what_holds_it_is_an_error() {
        assert!(parse("a: &a [*a]").is_err());
    }
}
