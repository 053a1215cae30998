use std::{borrow::Cow, ops::Range};

/// How words of a key end that tell of a secret: `password`, `MQTT_PASSWORD`, `client-secrets`, `authToken2`.
const SECRET_ENDINGS: [&str; 6] = ["password", "passphrase", "passwd", "secret", "token", "apikey"];

/// Words that tell of a secret only when they stand alone, as in `access_key`, but not in `monkey`.
const SECRET_WORDS: [&str; 4] = ["pass", "pwd", "key", "keys"];

/// Segments with such a word that only name where something is to be found.
const HARMLESS: [&str; 2] = ["discovery_key", "store_key"];

/// Words of a key whose value is a URI, be it malformed.
const URI_WORDS: [&str; 4] = ["uri", "uris", "url", "urls"];

const MASK: &str = "***";

/// What a parameter in the query of a URI can begin after.
const QUERY_SEPARATORS: [char; 5] = ['?', '&', ';', '#', ','];

/// The value as it may be shown to a person: secrets masked, and of a URI the user info and secrets in the query too.
///
/// A secret is told by any segment of its key, so that the elements of a list of tokens are masked as well. In a query
/// it is told by its name, and hidden up to the next `&`.
///
/// ```
/// use pip_services_commons::config::redacted;
///
/// assert_eq!(redacted("credential.password", "hunter2"), "***");
/// assert_eq!(redacted("connection.uri", "mqtt://me:hunter2@host"), "mqtt://***@host");
/// assert_eq!(redacted("connection.uri", "mqtt://host?token=hunter2&qos=1"), "mqtt://host?token=***&qos=1");
/// assert_eq!(redacted("connection.host", "host"), "host");
/// ```
pub fn redacted<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if key.split('.').any(is_secret) {
        return Cow::Borrowed(MASK);
    }
    let mut secrets: Vec<Range<usize>> = user_info(key, value).into_iter().chain(query(value)).collect();
    if secrets.is_empty() {
        return Cow::Borrowed(value);
    }
    secrets.sort_by_key(|secret| secret.start);
    let (mut shown, mut end) = (String::with_capacity(value.len()), 0);
    for secret in secrets {
        // One that begins within another is a part of it.
        if secret.start >= end {
            shown.push_str(&value[end..secret.start]);
            shown.push_str(MASK);
        }
        end = end.max(secret.end);
    }
    shown.push_str(&value[end..]);
    Cow::Owned(shown)
}

/// Where the user info of a URI is.
fn user_info(key: &str, value: &str) -> Option<Range<usize>> {
    // Whatever the key, a text of the form scheme://user@host carries user info. Parsers forgive slashes that lean the
    // other way, or have a line end between them.
    let has_slashes = || value.split(':').skip(1).any(|text| text.trim_start().starts_with(['/', '\\']));
    let start = match value.find(':') {
        Some(colon) if value[colon..].starts_with("://") => colon + "://".len(),
        Some(colon) if has_slashes() => colon + ":".len(),
        _ => {
            key.split('.').any(|segment| has_word(segment, |word| URI_WORDS.contains(&word))).then_some(0)?
        }
    };
    // Up to the last `@`, as a password may hold one, or a slash, and a list has a user info for each element.
    // Better to hide a host than to show a password.
    value.rfind('@').filter(|end| start < *end).map(|end| start..end)
}

/// Where the secrets of a query are.
fn query(value: &str) -> Vec<Range<usize>> {
    let Some(begin) = value.find('?') else { return Vec::new() };
    let mut secrets = Vec::new();
    let mut start = begin;
    for part in value[begin..].split_inclusive(QUERY_SEPARATORS) {
        let end = start + part.len();
        if let Some((name, _)) = part.split_once('=')
            // Nobody writes letters in numbers who has nothing to hide.
            && (is_secret(name) || name.contains('%'))
        {
            let secret = start + name.len() + "=".len();
            // A password may hold any of the other separators.
            let length = value[secret..].find('&').unwrap_or(value.len() - secret);
            secrets.push(secret..secret + length);
        }
        start = end;
    }
    secrets
}

fn is_secret(segment: &str) -> bool {
    let is_harmless = HARMLESS.iter().any(|harmless| harmless.eq_ignore_ascii_case(segment));
    !is_harmless
        && has_word(segment, |word| {
            let singular = word.trim_end_matches(|end: char| end.is_ascii_digit()).trim_end_matches('s');
            SECRET_WORDS.contains(&word) || SECRET_ENDINGS.iter().any(|ending| singular.ends_with(ending))
        })
}

/// Whether one of the words of a segment, in lower case, is such. Words are told apart by any character that is no
/// letter or digit, and by a capital letter.
fn has_word(segment: &str, is_such: impl Fn(&str) -> bool) -> bool {
    let mut words = String::with_capacity(segment.len());
    let mut after_small = false;
    for character in segment.chars() {
        if after_small && character.is_ascii_uppercase() {
            words.push('_');
        }
        after_small = character.is_ascii_lowercase();
        words.push(character.to_ascii_lowercase());
    }
    words.split(|character: char| !character.is_alphanumeric()).any(is_such)
}
