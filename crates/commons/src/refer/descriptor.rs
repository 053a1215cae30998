use std::{fmt, str::FromStr};

use crate::{config::redacted, errors::ApplicationError};

/// Names a component by group, type, kind, name and version; ports `Descriptor`.
///
/// A field can be a wildcard, printed as `*`. Matching ([`Descriptor::matches`]) lets a wildcard on either side
/// stand for anything; it is symmetric but not transitive, so `==` and `Hash` compare the fields exactly.
///
/// ```
/// use pip_services_commons::refer::Descriptor;
///
/// let queue: Descriptor = "pip-services:message-queue:mqtt:orders:1.0".parse()?;
/// assert!(queue.matches(&"*:message-queue:*:orders:*".parse()?));
/// assert_eq!(queue.name(), Some("orders"));
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Descriptor {
    fields: [Field; 5],
}

impl Descriptor {
    /// A descriptor of five fields, where `*` or an empty text is a wildcard.
    pub fn new(group: &str, component_type: &str, kind: &str, name: &str, version: &str) -> Self {
        let fields = [group, component_type, kind, name, version];
        Self { fields: fields.map(|field| (!field.is_empty() && field != "*").then(|| field.into())) }
    }

    fn field(&self, index: usize) -> Option<&str> {
        self.fields[index].as_deref()
    }

    /// The group, such as `pip-services`; `None` is a wildcard.
    pub fn group(&self) -> Option<&str> {
        self.field(0)
    }

    /// The type, such as `message-queue`; `None` is a wildcard.
    pub fn component_type(&self) -> Option<&str> {
        self.field(1)
    }

    /// The kind, such as `mqtt`; `None` is a wildcard.
    pub fn kind(&self) -> Option<&str> {
        self.field(2)
    }

    /// The name, such as `orders`; `None` is a wildcard.
    pub fn name(&self) -> Option<&str> {
        self.field(3)
    }

    /// The version, such as `1.0`; `None` is a wildcard.
    pub fn version(&self) -> Option<&str> {
        self.field(4)
    }

    /// Whether each field is equal or a wildcard on either side; ports `match`.
    #[doc(alias = "match")]
    pub fn matches(&self, other: &Self) -> bool {
        self.fields.iter().zip(&other.fields).all(field_matches)
    }

    /// In how many fields the two do not match.
    pub(super) fn differences(&self, other: &Self) -> usize {
        self.fields.iter().zip(&other.fields).filter(|fields| !field_matches(*fields)).count()
    }

    /// Whether no field is a wildcard.
    pub fn is_complete(&self) -> bool {
        self.fields.iter().all(Option::is_some)
    }
}

type Field = Option<Box<str>>;

fn field_matches((one, other): (&Field, &Field)) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

impl FromStr for Descriptor {
    type Err = ApplicationError;

    /// Reads five fields separated by `:`.
    ///
    /// # Errors
    /// `BAD_DESCRIPTOR` (Misconfiguration) for another number of fields, and for an empty field: that is
    /// nearly always a template that rendered to nothing (some ports take it as a text, Go as a wildcard). The text
    /// is in the message and in the detail `descriptor`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |why: &str| {
            // Perhaps a URI that was put into the wrong place.
            let shown = redacted("uri", text);
            let message =
                format!("'{shown}' is no descriptor: {why}; it must be group:type:kind:name:version");
            ApplicationError::config(None, "BAD_DESCRIPTOR", message).with_details("descriptor", shown)
        };
        let fields: Vec<&str> = text.split(':').map(str::trim).collect();
        let &[group, component_type, kind, name, version] = fields.as_slice() else {
            return Err(bad(&format!("it has {} fields", fields.len())));
        };
        if fields.contains(&"") {
            return Err(bad("a field is empty"));
        }
        Ok(Self::new(group, component_type, kind, name, version))
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in 0..self.fields.len() {
            if index > 0 {
                f.write_str(":")?;
            }
            f.write_str(self.field(index).unwrap_or("*"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Descriptor({self})")
    }
}
