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
        if is_secret(key) {
            hides_the_secret(key, SECRET);
        }
        if let Some(uri) = value.and_then(with_secret) {
            hides_the_secret(key, &uri);
            hides_the_secret(key, &format!("mqtt://one:first@host, {uri}"));
        }
    }
}

/// Keys that hold secrets, told in the simplest way.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let name = &key[key.rfind('.').map_or(0, |dot| dot + 1)..];
    let words = ["password", "passphrase", "passwd", "pass", "secret", "token", "key"];
    let named = |word| name.replace('-', "_").split('_').any(|part| part == word);
    name != "discovery_key" && name != "store_key" && words.into_iter().any(named)
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
