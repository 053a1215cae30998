use std::fmt;

use pip_services_commons::config::{ConfigParams, IntoConfigValue};

use crate::config::one_or_many;

/// Keys whose values may be shown; what else a credential holds can be a secret, whatever its key.
const SHOWN_KEYS: [&str; 5] = ["store_key", "username", "user", "access_id", "client_id"];

/// The parameters of one credential; ports `CredentialParams`.
///
/// The keys with a meaning of their own, each with the other names that it goes by:
///
/// | key | or |
/// |---|---|
/// | `store_key` | |
/// | `username` | `user` |
/// | `password` | `pass` |
/// | `access_id` | `client_id` |
/// | `access_key` | `client_key`, `secret_key` |
///
/// There can be any others. What is absent or blank is `None`.
///
/// `Debug` and `Display` show the keys, and of the values only those that name someone.
///
/// ```
/// use pip_services_components::auth::CredentialParams;
///
/// let credential = CredentialParams::from_tuples([("user", "me"), ("pass", "hunter2")]);
/// assert_eq!(credential.get_username(), Some("me"));
/// assert_eq!(credential.to_string(), "user=me;pass=***");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CredentialParams(ConfigParams);

impl CredentialParams {
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

    /// The credentials of a component's configuration, in order: one for each section under `credentials`,
    /// or where there are none the section `credential`.
    pub fn many_from_config(config: &ConfigParams) -> Vec<Self> {
        one_or_many(config, "credentials", "credential")
            .into_iter()
            .map(|(_, credential)| credential)
            .collect()
    }

    /// The first credential of a component's configuration.
    pub fn from_config(config: &ConfigParams) -> Option<Self> {
        Self::many_from_config(config).into_iter().next()
    }

    /// All parameters. Their own `Debug` and `Display` mask only values under well-known keys.
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

    fn text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.0.get(key).filter(|text| !text.is_empty()))
    }

    /// Whether the credential is to be looked up in a store.
    pub fn use_credential_store(&self) -> bool {
        self.get_store_key().is_some()
    }

    /// The key under which a store knows the credential.
    pub fn get_store_key(&self) -> Option<&str> {
        self.text(&["store_key"])
    }

    /// The name of the user.
    pub fn get_username(&self) -> Option<&str> {
        self.text(&["username", "user"])
    }

    /// The user's password.
    pub fn get_password(&self) -> Option<&str> {
        self.text(&["password", "pass"])
    }

    /// The id of an application.
    pub fn get_access_id(&self) -> Option<&str> {
        self.text(&["access_id", "client_id"])
    }

    /// The secret key of an application.
    pub fn get_access_key(&self) -> Option<&str> {
        self.text(&["access_key", "client_key", "secret_key"])
    }
}

impl From<ConfigParams> for CredentialParams {
    fn from(config: ConfigParams) -> Self {
        Self(config)
    }
}

impl From<CredentialParams> for ConfigParams {
    fn from(credential: CredentialParams) -> Self {
        credential.0
    }
}

impl fmt::Display for CredentialParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(";")?;
            }
            f.write_str(key)?;
            match value {
                Some(value) if SHOWN_KEYS.contains(&key) => write!(f, "={value}")?,
                Some(_) => f.write_str("=***")?,
                None => {}
            }
        }
        Ok(())
    }
}

impl fmt::Debug for CredentialParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialParams({self})")
    }
}
