use pip_services_commons::config::ConfigParams;

use crate::secret::{SECRET, with_secret};

/// Parameters read from any line are written and read back as they were, in their order; and nothing that is meant for
/// people shows a secret, be it under a key that tells so or in a URI.
pub fn config_params(data: &[u8]) {
    let line = String::from_utf8_lossy(data);
    let config = ConfigParams::from_string(&line);
    let written = config.to_config_string();
    let read = ConfigParams::from_string(&written);
    // Equality of parameters leaves their order out.
    assert!(read.iter().eq(config.iter()), "{written:?} reads as {read:?}, not {config:?}");

    for (key, value) in config.iter() {
        // In one case, as a capital letter may begin another word.
        for key in [key.to_ascii_lowercase(), key.to_ascii_uppercase()] {
            if is_secret(&key) {
                hides_the_secret(&key, SECRET);
            }
        }
        if let Some(uri) = value.and_then(with_secret) {
            hides_the_secret("connection.uri", &uri);
            if has_slashes(&uri) {
                hides_the_secret(key, &uri);
                hides_the_secret(key, &format!("mqtt://one:first@host, {uri}"));
            }
        }
    }
}

/// Keys that hold secrets, told in the simplest way.
fn is_secret(key: &str) -> bool {
    let words = ["password", "passphrase", "passwd", "pass", "secret", "token", "key"];
    key.to_ascii_lowercase().split('.').any(|segment| {
        let named = segment.split(|end: char| !end.is_alphanumeric()).any(|word| words.contains(&word));
        named && segment != "discovery_key" && segment != "store_key"
    })
}

/// Without them, only the key can tell a URI from other texts.
fn has_slashes(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(_, rest)| rest.trim_start().starts_with(['/', '\\']))
}

fn hides_the_secret(key: &str, value: &str) {
    if key.contains(SECRET) {
        return;
    }
    let config = ConfigParams::from_tuples([(key, value)]);
    let error = config.try_get_as_boolean(key).unwrap_err();
    let shown = format!("{config} {config:?} {error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
}
