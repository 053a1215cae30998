use pip_services_commons::refer::Descriptor;

use crate::secret::{SECRET, with_secret};

/// Two texts, on a line each, are descriptors or refused as in a naive model. Descriptors print as they were read, without
/// the space around their fields, and match as in the model. A refusal shows no password.
pub fn descriptor(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (one, other) = text.split_once('\n').unwrap_or((&text, "*:*:*:*:*"));
    let (Some((one, fields)), Some((other, other_fields))) = (read(one), read(other)) else {
        return;
    };
    let mut pairs = fields.iter().zip(&other_fields);
    let expected = pairs.all(|(field, other)| *field == "*" || *other == "*" || field == other);
    assert_eq!(one.matches(&other), expected, "{one} and {other}");
    assert_eq!(other.matches(&one), expected, "{other} and {one}");
    assert_eq!(one == other, fields == other_fields, "{one} and {other}");
}

/// The descriptor and its fields, or `None` for a text that both the parser and the model refuse.
fn read(text: &str) -> Option<(Descriptor, Vec<&str>)> {
    let fields: Vec<&str> = text.split(':').map(str::trim).collect();
    let is_descriptor = fields.len() == 5 && fields.iter().all(|field| !field.is_empty());
    let descriptor = match text.parse::<Descriptor>() {
        Ok(descriptor) => descriptor,
        Err(error) => {
            assert!(!is_descriptor, "{error}");
            assert_eq!(error.code(), "BAD_DESCRIPTOR");
            hides_the_secret(text);
            return None;
        }
    };
    assert!(is_descriptor, "{text:?} reads as {descriptor}");
    let printed = descriptor.to_string();
    assert_eq!(printed, fields.join(":"));
    assert_eq!(printed.parse::<Descriptor>().unwrap(), descriptor);
    assert_eq!(descriptor.is_complete(), !fields.contains(&"*"));
    Some((descriptor, fields))
}

/// Perhaps a URI was put into the wrong place.
fn hides_the_secret(text: &str) {
    let error = with_secret(text).and_then(|uri| uri.parse::<Descriptor>().err());
    let shown = format!("{error:?} {error:#?}");
    assert!(!shown.contains(SECRET), "{shown}");
}
