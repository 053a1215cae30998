use std::borrow::Cow;

/// How words of a key end that tell of a secret: `password`, `MQTT_PASSWORD`, `client-secrets`, `authToken2`.
const SECRET_ENDINGS: [&str; 6] = ["password", "passphrase", "passwd", "secret", "token", "apikey"];

/// Words that tell of a secret only when they stand alone, as in `access_key`, but not in `monkey`.
const SECRET_WORDS: [&str; 4] = ["pass", "pwd", "key", "keys"];

/// Segments with such a word that only name where something is to be found.
const HARMLESS: [&str; 2] = ["discovery_key", "store_key"];

/// Words of a key whose value is a URI, be it malformed.
const URI_WORDS: [&str; 4] = ["uri", "uris", "url", "urls"];

const MASK: &str = "***";

/// The value as it may be shown to a person: secrets masked, and the user info of a URI too.
///
/// A secret is told by any segment of its key, so that the elements of a list of tokens are masked as well.
///
/// ```
/// use pip_services_commons::config::redacted;
///
/// assert_eq!(redacted("credential.password", "hunter2"), "***");
/// assert_eq!(redacted("connection.uri", "mqtt://me:hunter2@host"), "mqtt://***@host");
/// assert_eq!(redacted("connection.host", "host"), "host");
/// ```
pub fn redacted<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if key.split('.').any(is_secret) {
        return Cow::Borrowed(MASK);
    }
    // Whatever the key, a text of the form scheme://user@host carries user info. Parsers forgive slashes that lean the
    // other way, or have a line end between them.
    let has_slashes = || value.split(':').skip(1).any(|text| text.trim_start().starts_with(['/', '\\']));
    let user_info = match value.find(':') {
        Some(colon) if value[colon..].starts_with("://") => Some(colon + "://".len()),
        Some(colon) if has_slashes() => Some(colon + ":".len()),
        _ => key.split('.').any(|segment| has_word(segment, |word| URI_WORDS.contains(&word))).then_some(0),
    };
    // Up to the last `@`, as a password may hold one, or a slash, and a list has a user info for each element.
    // Better to hide a host than to show a password.
    match (user_info, value.rfind('@')) {
        (Some(start), Some(end)) if start < end => {
            Cow::Owned(format!("{}{MASK}{}", &value[..start], &value[end..]))
        }
        _ => Cow::Borrowed(value),
    }
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
