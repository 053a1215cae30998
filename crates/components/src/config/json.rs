use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, map::Entry};

use super::file::ParseError;

/// Parses a JSON document.
pub(super) fn parse(text: &str) -> Result<Value, ParseError> {
    serde_json::from_str(text).map(|Unique(value)| value).map_err(|error| {
        let (line, shown) = (error.line(), error.to_string());
        // The place is told apart from the cause, as that in the text can differ from that in the template.
        let place = format!(" at line {line} column {}", error.column());
        ParseError {
            line: (line > 0).then_some(line),
            cause: shown.strip_suffix(&place).unwrap_or(&shown).into(),
        }
    })
}

/// A value with no key twice in an object, of which a [`Value`] would keep the last one in silence.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match fields.entry(key) {
                Entry::Vacant(field) => field.insert(map.next_value::<Unique>()?.0),
                Entry::Occupied(field) => {
                    return Err(A::Error::custom(format_args!("duplicate key `{}`", field.key())));
                }
            };
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_without_a_key_twice_is_what_serde_json_makes_of_it() {
        for text in [
            r#"{"b": [1, -1, 1.5, 1e3, 12345678901234567890, 123456789012345678901], "a": {"b": {}, "c": []}}"#,
            r#"[null, true, "x\u0041\n", {"a": null}]"#,
            "\"x\"",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            let parsed = parse(text).map_err(|error| error.cause.to_string()).unwrap();
            // As text, since the order of keys is part of it.
            assert_eq!(parsed.to_string(), expected.to_string());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| parse(&("[".repeat(depth) + &"]".repeat(depth)));
        assert!(nested(100).is_ok());
        assert!(nested(100_000).is_err());
    }
}
