use std::borrow::Cow;

/// Words of a key's last segment that tell of a secret, be it `password`, `MQTT_PASSWORD` or `client-secret`.
const SECRET_WORDS: [&str; 7] = ["password", "passphrase", "passwd", "pass", "secret", "token", "key"];

/// Segments with such a word that only name where something is to be found.
const HARMLESS: [&str; 2] = ["discovery_key", "store_key"];

const MASK: &str = "***";

/// The value as it may be shown to a person: secrets masked, and a password in a URI too.
///
/// ```
/// use pip_services_commons::config::redacted;
///
/// assert_eq!(redacted("credential.password", "hunter2"), "***");
/// assert_eq!(redacted("connection.uri", "mqtt://me:hunter2@host"), "mqtt://***@host");
/// assert_eq!(redacted("connection.host", "host"), "host");
/// ```
pub fn redacted<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    let name = key.rsplit('.').next().unwrap_or(key);
    if is_secret(name) {
        return Cow::Borrowed(MASK);
    }
    // Whatever the key, a text of the form scheme://user@host carries user info.
    match value.split_once("://") {
        Some((scheme, rest)) => {
            let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            match rest[..authority_end].rfind('@') {
                Some(at) => Cow::Owned(format!("{scheme}://{MASK}{}", &rest[at..])),
                // A password may hold an unescaped slash; better to hide a path than to show a password.
                None => match rest.rfind('@') {
                    Some(at) => Cow::Owned(format!("{scheme}://{MASK}{}", &rest[at..])),
                    None => Cow::Borrowed(value),
                },
            }
        }
        None => Cow::Borrowed(value),
    }
}

fn is_secret(name: &str) -> bool {
    let is_one_of = |words: &[&str], text: &str| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    !is_one_of(&HARMLESS, name) && name.split(['_', '-']).any(|word| is_one_of(&SECRET_WORDS, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_of_a_uri_is_masked_even_with_an_at_or_a_slash_in_the_password() {
        for uri in ["mqtt://u:p@ss@host:1/x", "mqtt://u:pa/ss@host:1/x"] {
            assert_eq!(redacted("uri", uri), "mqtt://***@host:1/x", "{uri}");
        }
        assert_eq!(redacted("uri", "mqtt://host/path"), "mqtt://host/path");
    }

    #[test]
    fn secrets_are_told_by_the_last_segment_of_the_key() {
        assert_eq!(redacted("credentials.0.Password", "x"), "***");
        assert_eq!(redacted("password.hint", "x"), "x");
        for key in
            ["MQTT_PASSWORD", "client-secret", "access_key", "credential.token", "key_password", "pass"]
        {
            assert_eq!(redacted(key, "x"), "***", "{key}");
        }
        for key in
            ["connection.discovery_key", "credential.store_key", "monkey", "keepalive_timeout", "compass"]
        {
            assert_eq!(redacted(key, "x"), "x", "{key}");
        }
    }
}
