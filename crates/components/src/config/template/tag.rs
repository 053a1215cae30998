use std::borrow::Cow;

/// What stands between braces.
pub(super) enum Tag<'a> {
    Comment,
    Variable { name: &'a str, escaped: bool },
    Open { name: &'a str, inverted: bool },
    Else,
    Close(&'a str),
}

impl<'a> Tag<'a> {
    pub(super) fn parse(construct: &'a str) -> Option<Self> {
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
pub(super) fn construct(text: &str) -> Option<&str> {
    let escaped = text.starts_with("{{{");
    let (open, close) = if escaped { ("{{{", "}}}") } else { ("{{", "}}") };
    let content = &text[open.len()..];
    let content = &content[..content.find(close)?];
    let is_comment = !escaped && content.trim_start().starts_with('!');
    (is_comment || !content.contains(['\n', '{', '}']))
        .then(|| &text[..open.len() + content.len() + close.len()])
}

/// As much of a construct that is not understood as a message can show: what follows its first name may be a secret,
/// such as the default that other template languages let a parameter have.
pub(super) fn head(construct: &str) -> Cow<'_, str> {
    let after = |from: usize, belongs: fn(char) -> bool| {
        construct[from..].find(|c| !belongs(c)).map_or(construct.len(), |length| from + length)
    };
    let sign = |c: char| c.is_whitespace() || "{#^/>".contains(c);
    let start = after(0, sign);
    let mut end = after(start, in_name);
    if KEYWORDS.contains(&&construct[start..end]) {
        end = after(after(end, char::is_whitespace), in_name);
    }
    match construct[end..].trim_start().trim_end_matches('}') {
        "" => Cow::Borrowed(construct),
        _ => Cow::Owned(format!("{}…}}}}", &construct[..end])),
    }
}

/// Words that are no names.
const KEYWORDS: [&str; 3] = ["if", "unless", "else"];

/// The text, if it can be a parameter's name.
fn name(text: &str) -> Option<&str> {
    (!text.is_empty() && text.chars().all(in_name) && !KEYWORDS.contains(&text)).then_some(text)
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
