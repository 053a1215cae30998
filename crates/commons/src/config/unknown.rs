/// As many letters put in, left out, changed or swapped are a slip; more of them make another word.
const TYPO: usize = 2;

/// What to tell about a parameter that a component does not know: its key and the nearest known one, and never its value.
/// `None` for one that is known, or has no name. The other ports ignore such parameters in silence.
///
/// The key is that of the section, such as `options.`, and the name together. It is for a section that is all the
/// component's; where others may have their parameters as well, [`misspelt_parameter`] tells less.
///
/// ```
/// use pip_services_commons::config::unknown_parameter;
///
/// let known = ["lock_timeout", "max_messages"];
/// assert_eq!(
///     unknown_parameter("options.", "timeout", known).as_deref(),
///     Some(r#"unknown parameter "options.timeout"; the nearest one is options.lock_timeout"#)
/// );
/// assert_eq!(unknown_parameter("options.", "max_messages", known), None);
/// ```
pub fn unknown_parameter<'a>(
    section: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let nearest = nearest(name, known)?;
    (name != nearest).then(|| told(section, name, nearest))
}

/// As [`unknown_parameter`], only for a name that is a slip of the pen away from a known one.
///
/// ```
/// use pip_services_commons::config::misspelt_parameter;
///
/// assert!(misspelt_parameter("", "topc", ["topic", "queue"]).is_some());
/// assert_eq!(misspelt_parameter("", "colour", ["topic", "queue"]), None);
/// ```
pub fn misspelt_parameter<'a>(
    section: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let nearest = nearest(name, known)?;
    (1..=TYPO).contains(&strsim::osa_distance(name, nearest)).then(|| told(section, name, nearest))
}

/// What to tell about a parameter that stands at the top and has the name of one of a section, such as `options.`: others may
/// read it, but who wrote it probably meant that one. `None` for any other name.
///
/// ```
/// use pip_services_commons::config::misplaced_parameter;
///
/// let known = ["lock_timeout", "max_messages"];
/// assert_eq!(
///     misplaced_parameter("options.", "lock_timeout", known).as_deref(),
///     Some(r#"unknown parameter "lock_timeout"; is options.lock_timeout meant?"#)
/// );
/// assert_eq!(misplaced_parameter("options.", "colour", known), None);
/// ```
pub fn misplaced_parameter<'a>(
    section: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let is_known = known.into_iter().any(|known| known == name);
    is_known.then(|| format!("unknown parameter {name:?}; is {section}{name} meant?"))
}

fn told(section: &str, name: &str, nearest: &str) -> String {
    let key = [section, name].concat();
    format!("unknown parameter {key:?}; the nearest one is {section}{nearest}")
}

/// The known name that is a slip away, or else looks most like this one, above all at its start. `None` for no name.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips = |known: &str| strsim::osa_distance(name, known).min(TYPO + 1);
    let like = |known: &str| strsim::jaro_winkler(name, known);
    let known = known.into_iter().filter(|_| !name.is_empty());
    known.min_by(|one, other| slips(one).cmp(&slips(other)).then(like(other).total_cmp(&like(one))))
}
