use std::{borrow::Cow, fmt, io};

use super::Section;

/// Why a broker could not be reached, and the parameters that it depends on.
#[derive(Debug, Clone)]
pub(crate) struct TransportError {
    what: String,
    /// The most likely one.
    key: Cow<'static, str>,
    others: Vec<Cow<'static, str>>,
}

impl TransportError {
    /// The parameters are those of `connection`; the first is the most likely one.
    pub(super) fn new<const N: usize>(
        what: impl Into<String>,
        key: &'static str,
        others: [&'static str; N],
    ) -> Self {
        Self { what: what.into(), key: key.into(), others: others.into_iter().map(Cow::Borrowed).collect() }
    }

    pub(super) fn unreachable(error: &io::Error) -> Self {
        Self::new(format!("no broker answers there: {error}"), "connection.host", ["connection.port"])
    }

    /// Nothing came back for so long that it was given up.
    pub(crate) fn silent() -> Self {
        Self::new("no answer came in time", "options.connect_timeout", [])
    }

    /// What the end of an open connection says about it: the broker looks at the client's certificate when the
    /// handshake is over for the client.
    pub(crate) fn from_lost(error: &io::Error) -> Option<Self> {
        #[cfg(feature = "tls")]
        return super::tls::explain(error);
        #[cfg(not(feature = "tls"))]
        {
            let _ = error;
            None
        }
    }

    /// The same about a connection of another section.
    pub(crate) fn in_section(self, section: Section<'_>) -> Self {
        let moved = |key: Cow<'static, str>| match key.strip_prefix("connection.") {
            Some(name) => section.key(name).into(),
            None => key,
        };
        let others = self.others.into_iter().map(moved).collect();
        Self { what: self.what, key: moved(self.key), others }
    }

    /// The key of the parameter that it most likely depends on.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.what, self.key)?;
        self.others.iter().try_for_each(|key| write!(f, ", {key}"))?;
        f.write_str(")")
    }
}

impl std::error::Error for TransportError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_named_by_their_section_and_what_is_quoted_stays() {
        let error = TransportError::new("connection.x is said there", "connection.ca", ["connection.host"]);
        assert_eq!(error.to_string(), "connection.x is said there (connection.ca, connection.host)");
        let error = error.in_section(Section("connections.b"));
        assert_eq!(error.key(), "connections.b.ca");
        assert_eq!(error.to_string(), "connection.x is said there (connections.b.ca, connections.b.host)");
        assert_eq!(
            TransportError::silent().in_section(Section("connections.b")).key(),
            "options.connect_timeout"
        );
    }
}
