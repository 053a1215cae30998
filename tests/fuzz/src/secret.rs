//! Passwords that are put in, to see whether they come out where they should not.

use url::Url;

/// What must not be shown.
pub(crate) const SECRET: &str = "hunter2";

/// The URI with the secret as its password, spelled as it was otherwise. `None` for one without a password, and for one
/// that shows the secret elsewhere.
pub(crate) fn with_secret(uri: &str) -> Option<String> {
    if shows_it(uri) {
        return None;
    }
    match Url::parse(uri) {
        // Only now are tabs and line ends gone, which can be anywhere.
        Ok(url) if shows_it(url.as_str()) => None,
        Ok(url) => as_password(uri, url.password()?),
        Err(_) => in_user_info(uri),
    }
}

/// A scheme can be spelled in any case.
fn shows_it(text: &str) -> bool {
    text.to_ascii_lowercase().contains(SECRET)
}

fn as_password(uri: &str, password: &str) -> Option<String> {
    let places = uri.match_indices(password).filter(|(_, found)| !found.is_empty());
    let mut candidates =
        places.map(|(at, _)| format!("{}{SECRET}{}", &uri[..at], &uri[at + password.len()..]));
    candidates.find(|uri| Url::parse(uri).is_ok_and(|url| url.password() == Some(SECRET)))
}

/// For what is no URI, but was meant as one.
fn in_user_info(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (user_info, host) = rest.rsplit_once('@')?;
    let (user, _) = user_info.split_once(':')?;
    Some(format!("{scheme}://{user}:{SECRET}@{host}"))
}
