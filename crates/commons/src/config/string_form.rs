//! The form `key1=value1;key2=value2` of parameters, with quotes for what it could not hold otherwise.

use std::{iter::Peekable, str::CharIndices};

const QUOTE: char = '"';
const ESCAPE: char = '\\';

/// The items of a line, in order. An item without `=` has no value; nothing between two `;` is no item.
pub(super) fn parse(line: &str) -> Vec<(String, Option<String>)> {
    let mut items = Vec::new();
    let mut rest = line;
    loop {
        let (key, after_key) = if rest.starts_with('=') {
            // As in the Node port, an `=` with nothing before it is a part of the key.
            plain_token(rest, &[';'])
        } else {
            token(rest, &['=', ';'])
        };
        let (value, after) = match after_key.strip_prefix('=') {
            Some(text) => {
                let (value, after) = token(text, &[';']);
                (Some(value), after)
            }
            None => (None, after_key),
        };
        if after.len() < rest.len() {
            items.push((key, value));
        }
        match after.strip_prefix(';') {
            Some(next) => rest = next,
            None => return items,
        }
    }
}

/// Adds an item to a line.
pub(super) fn write(line: &mut String, key: &str, value: Option<&str>) {
    if !line.is_empty() {
        line.push(';');
    }
    write_token(line, key, &['=', ';']);
    if let Some(value) = value {
        line.push('=');
        write_token(line, value, &[';']);
    }
}

/// The text up to one of `ends`, and what begins there.
fn token<'a>(text: &'a str, ends: &[char]) -> (String, &'a str) {
    quoted(text, ends).unwrap_or_else(|| plain_token(text, ends))
}

fn plain_token<'a>(text: &'a str, ends: &[char]) -> (String, &'a str) {
    let end = text.find(ends).unwrap_or(text.len());
    (text[..end].trim().to_owned(), &text[end..])
}

/// A quoted text with nothing but space around it. `None` where it is no such text: a quote that is never
/// closed, or that something follows, is an ordinary character, as in other ports.
fn quoted<'a>(text: &'a str, ends: &[char]) -> Option<(String, &'a str)> {
    let inner = text.trim_start().strip_prefix(QUOTE)?;
    let mut characters = inner.char_indices().peekable();
    let mut unquoted = String::new();
    let end = loop {
        match characters.next()? {
            (at, QUOTE) => break at + QUOTE.len_utf8(),
            (_, ESCAPE) => unquoted.push(escaped(&mut characters)?),
            (_, character) => unquoted.push(character),
        }
    };
    let rest = inner[end..].trim_start();
    (rest.is_empty() || rest.starts_with(ends)).then_some((unquoted, rest))
}

fn escaped(characters: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    Some(match characters.next()?.1 {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    })
}

fn write_token(line: &mut String, text: &str, ends: &[char]) {
    let plain = !text.is_empty()
        && text.trim() == text
        && !text.starts_with(QUOTE)
        && !text.contains(ends)
        && !text.contains(['\n', '\r', '\t']);
    if plain {
        line.push_str(text);
        return;
    }
    line.push(QUOTE);
    for character in text.chars() {
        match character {
            QUOTE | ESCAPE => line.extend([ESCAPE, character]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            other => line.push(other),
        }
    }
    line.push(QUOTE);
}
