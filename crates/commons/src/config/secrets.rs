use std::borrow::Cow;

/// Last segments of keys whose values no log, error or `Debug` output may show.
const SECRET_KEYS: [&str; 8] =
    ["password", "pass", "secret", "token", "access_key", "client_key", "secret_key", "key_password"];

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
    if SECRET_KEYS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
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
    }
}
