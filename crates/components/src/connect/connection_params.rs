use std::fmt;

use pip_services_commons::{
    config::{ConfigParams, IntoConfigValue, redacted},
    errors::ApplicationError,
};

use crate::config::one_or_many;

/// The parameters of one connection; ports `ConnectionParams`.
///
/// The keys with a meaning of their own are `discovery_key`, `protocol`, `host` (or `ip`), `port` and `uri`;
/// there can be any others. What is absent or blank is `None`: no default is made up.
///
/// `Debug` and `Display` mask secrets, among them a password in the URI.
///
/// ```
/// use pip_services_components::connect::ConnectionParams;
///
/// let connection = ConnectionParams::from_tuples([("protocol", "mqtt"), ("ip", "10.0.0.1"), ("port", "1883")]);
/// assert_eq!(connection.get_host(), Some("10.0.0.1"));
/// assert_eq!(connection.get_port()?, Some(1883));
/// assert_eq!(connection.get_uri(), None);
/// # Ok::<(), pip_services_commons::errors::ApplicationError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConnectionParams(ConfigParams);

impl ConnectionParams {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parameters from pairs of key and value.
    pub fn from_tuples<K: Into<String>, V: IntoConfigValue>(
        tuples: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self(ConfigParams::from_tuples(tuples))
    }

    /// The connections of a component's configuration, in order: one for each section under `connections`,
    /// or where there are none the section `connection`.
    ///
    /// ```
    /// use pip_services_commons::config::ConfigParams;
    /// use pip_services_components::connect::ConnectionParams;
    ///
    /// let config = ConfigParams::from_tuples([("connections.0.host", "a"), ("connections.1.host", "b")]);
    /// let connections = ConnectionParams::many_from_config(&config);
    /// assert_eq!(connections[1].get_host(), Some("b"));
    /// ```
    pub fn many_from_config(config: &ConfigParams) -> Vec<Self> {
        Self::named_from_config(config).into_iter().map(|(_, connection)| connection).collect()
    }

    /// As [`many_from_config`](Self::many_from_config), each with the name of its section.
    pub(crate) fn named_from_config(config: &ConfigParams) -> Vec<(String, Self)> {
        one_or_many(config, "connections", "connection")
    }

    /// The first connection of a component's configuration.
    pub fn from_config(config: &ConfigParams) -> Option<Self> {
        Self::many_from_config(config).into_iter().next()
    }

    /// All parameters.
    pub fn as_config(&self) -> &ConfigParams {
        &self.0
    }

    /// Sets one parameter.
    pub fn put(&mut self, key: impl Into<String>, value: impl IntoConfigValue) {
        self.0.put(key, value);
    }

    /// These parameters with those of `other` over them.
    #[must_use]
    pub fn override_with(&self, other: &Self) -> Self {
        Self(self.0.override_with(&other.0))
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).filter(|text| !text.is_empty())
    }

    /// Whether the connection is to be looked up in discovery.
    pub fn use_discovery(&self) -> bool {
        self.get_discovery_key().is_some()
    }

    /// The key under which discovery knows the connection.
    pub fn get_discovery_key(&self) -> Option<&str> {
        self.text("discovery_key")
    }

    /// The protocol, such as `mqtt`.
    pub fn get_protocol(&self) -> Option<&str> {
        self.text("protocol")
    }

    /// The host's name or address, from `host` or else `ip`.
    pub fn get_host(&self) -> Option<&str> {
        self.text("host").or_else(|| self.text("ip"))
    }

    /// The port.
    ///
    /// # Errors
    /// `BAD_VALUE` (Misconfiguration) where it is no number from 1 to 65535. Other ports read it as 0.
    pub fn get_port(&self) -> Result<Option<u16>, ApplicationError> {
        self.port_from(1, "port")
    }

    /// Checks what is more than text, for a component that is configured with these parameters as a section.
    pub(super) fn check(&self, section: &str) -> Result<(), ApplicationError> {
        self.port_from(0, &format!("{section}.port")).map(|_| ())
    }

    /// The port, which is 0 or more for a server, as that can listen at any that is free. Errors call it `key`.
    pub(crate) fn port_from(&self, least: u16, key: &str) -> Result<Option<u16>, ApplicationError> {
        let Some(text) = self.text("port").filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        match self.0.try_get_as_long("port").ok().flatten().and_then(|port| u16::try_from(port).ok()) {
            Some(port) if port >= least => Ok(Some(port)),
            _ => {
                let shown = redacted(key, text);
                let message = format!("{key} is '{shown}'; it must be a number from {least} to 65535");
                Err(ApplicationError::config(None, "BAD_VALUE", message).with_details("key", key))
            }
        }
    }

    /// The whole address as a URI, which takes the place of protocol, host and port.
    pub fn get_uri(&self) -> Option<&str> {
        self.text("uri")
    }
}

impl From<ConfigParams> for ConnectionParams {
    fn from(config: ConfigParams) -> Self {
        Self(config)
    }
}

impl From<ConnectionParams> for ConfigParams {
    fn from(connection: ConnectionParams) -> Self {
        connection.0
    }
}

impl fmt::Display for ConnectionParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ConnectionParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
