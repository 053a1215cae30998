use std::{net::IpAddr, sync::Arc};

use percent_encoding::percent_decode_str;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
};
use pip_services_components::{
    auth::{CredentialParams, CredentialResolver},
    connect::{ConnectionParams, ConnectionResolver},
};
use tokio::task::spawn_blocking;
use url::{Host, Position, Url};

use crate::{
    secret::Secret,
    text::{LONGEST, is_forbidden},
    transport::{Protocol, Section, Transport},
};

/// Where and as whom to connect.
#[derive(Debug, Clone)]
pub(crate) struct ConnectTarget {
    /// Brokers, to be tried in this order; at least one.
    pub(crate) endpoints: Vec<Endpoint>,
}

impl ConnectTarget {
    /// What somebody on the way to the brokers could make use of, in words.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let unverified =
            self.endpoints.iter().filter(|endpoint| endpoint.transport.is_unverified()).map(|endpoint| {
                let key = format!("{}.insecure", endpoint.section);
                format!("{key} is true: nobody knows whether {endpoint} is the broker that is meant")
            });
        let overheard = self.endpoints.iter().filter(|endpoint| {
            endpoint.user.password.is_some()
                && !endpoint.transport.protocol().is_encrypted()
                && !endpoint.is_local()
        });
        let overheard = overheard.map(|endpoint| {
            format!(
                "User name and password go to {endpoint} unencrypted; the protocols mqtts and wss encrypt"
            )
        });
        unverified.chain(overheard).collect()
    }
}

/// As whom to connect to a broker. It has no password without a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct User {
    pub(crate) name: Option<String>,
    pub(crate) password: Option<Secret>,
    /// What of them the URI says, and not the credential.
    pub(crate) in_uri: InUri,
}

/// Which parts of a user a URI says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InUri {
    name: bool,
    password: bool,
}

/// The address of a broker, and who is known there.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// A name or an address, an IPv6 one without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The section of the parameters that it comes from.
    pub(crate) section: String,
    pub(crate) user: User,
    pub(crate) transport: Arc<Transport>,
}

impl Endpoint {
    /// Whether it is on this machine.
    fn is_local(&self) -> bool {
        let host = self.host.as_str();
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocol = self.transport.protocol();
        match self.host.contains(':') {
            true => write!(f, "{protocol}://[{}]:{}", self.host, self.port),
            false => write!(f, "{protocol}://{}:{}", self.host, self.port),
        }
    }
}

/// Turns connection and credential parameters into a target; ports `MqttConnectionResolver`.
#[derive(Default)]
pub(crate) struct MqttConnectionResolver {
    connections: ConnectionResolver,
    credentials: CredentialResolver,
}

impl MqttConnectionResolver {
    /// A resolver with these parameters, and without references.
    pub(crate) fn from_config(config: &ConfigParams) -> Result<Self, ApplicationError> {
        let resolver = Self::default();
        resolver.connections.configure(config)?;
        resolver.credentials.configure(config)?;
        Ok(resolver)
    }

    /// Takes the parameters of another resolver, and keeps its references.
    pub(crate) fn take(&self, other: Self) {
        self.connections.take(other.connections);
        self.credentials.take(other.credentials);
    }

    /// Resolves connections, by discovery where they ask for it, and the credential.
    pub(crate) async fn resolve(
        &self,
        correlation_id: Option<&str>,
    ) -> Result<ConnectTarget, ApplicationError> {
        let connections = self.connections.resolve_in_order(correlation_id).await?;
        let credential = self.credentials.lookup(correlation_id).await?;
        let correlation_id = correlation_id.map(str::to_owned);
        // It can read files.
        let composed = spawn_blocking(move || {
            let correlation_id = correlation_id.as_deref();
            compose(correlation_id, &connections, credential.as_ref())
                .map_err(|error| error.with_correlation_id(correlation_id))
        });
        composed.await.unwrap_or_else(|error| {
            let message = "the parameters of the connection cannot be read";
            Err(ApplicationError::invalid_state(None, "NOT_RESOLVED", message).with_cause(error))
        })
    }
}

impl IReferenceable for MqttConnectionResolver {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.connections.set_references(references)?;
        self.credentials.set_references(references)
    }
}

impl IUnreferenceable for MqttConnectionResolver {
    fn unset_references(&self) {
        self.connections.unset_references();
        self.credentials.unset_references();
    }
}

fn compose(
    correlation_id: Option<&str>,
    connections: &[(String, ConnectionParams)],
    credential: Option<&CredentialParams>,
) -> Result<ConnectTarget, ApplicationError> {
    let mut endpoints: Vec<Endpoint> = connections
        .iter()
        .map(|(section, connection)| match connection.get_uri() {
            Some(uri) => from_uri(correlation_id, section, uri, connection),
            None => from_parts(correlation_id, section, connection),
        })
        .collect::<Result<_, _>>()?;
    if endpoints.is_empty() {
        let message = "no connection is configured; set connection.host or connection.uri";
        return Err(config_error(correlation_id, "NO_CONNECTION", "connection", message.into()));
    }
    for endpoint in &mut endpoints {
        if let Some(credential) = credential {
            endpoint.user.override_with(credential);
        }
        endpoint.user.check(correlation_id, &endpoint.section)?;
    }
    Ok(ConnectTarget { endpoints })
}

impl User {
    fn override_with(&mut self, credential: &CredentialParams) {
        if let Some(name) = credential.get_username() {
            self.name = Some(name.to_owned());
            self.in_uri.name = false;
        }
        if let Some(password) = credential.get_password() {
            self.password = Some(Secret::new(password));
            self.in_uri.password = false;
        }
    }

    /// Where they come from, in words, and the key of the one that is most likely wrong. The URI is that of the section.
    pub(crate) fn source(&self, section: &str) -> (String, String) {
        let (uri, password_key) = (format!("{section}.uri"), "credential.password".to_owned());
        match (self.in_uri.name, self.in_uri.password) {
            (false, false) => (format!("credential.username and {password_key}"), password_key),
            (true, false) if self.password.is_some() => {
                (format!("the user in {uri} and {password_key}"), password_key)
            }
            (true, _) => (format!("the user info in {uri}"), uri),
            (false, true) => (format!("credential.username and the password in {uri}"), uri),
        }
    }

    /// Checks that MQTT has them. They come from the credential, or from the URI of that section.
    fn check(&self, correlation_id: Option<&str>, section: &str) -> Result<(), ApplicationError> {
        let (name_key, password_key) = ("credential.username", "credential.password");
        if self.name.is_none() && self.password.is_some() {
            let message = format!(
                "{password_key}, or a password in {section}.uri, is set without a user name, which MQTT does not allow"
            );
            return Err(config_error(correlation_id, "NO_USERNAME", name_key, message));
        }
        let parts = [
            (name_key, "user", self.name.as_deref()),
            (password_key, "password", self.password.as_ref().map(Secret::expose)),
        ];
        for (key, what, text) in parts {
            if text.is_some_and(|text| text.len() > LONGEST) {
                let message =
                    format!("{key}, or the {what} in {section}.uri, is longer than {LONGEST} bytes");
                return Err(config_error(correlation_id, "BAD_VALUE", key, message));
            }
        }
        if let Some(name) = self.name.as_ref().filter(|name| name.contains(is_forbidden)) {
            let name = name.escape_debug();
            let message = format!(
                "{name_key}, or the user in {section}.uri, is '{name}'; it must be without control characters"
            );
            return Err(config_error(correlation_id, "BAD_VALUE", name_key, message));
        }
        Ok(())
    }
}

fn from_parts(
    correlation_id: Option<&str>,
    section: &str,
    connection: &ConnectionParams,
) -> Result<Endpoint, ApplicationError> {
    let protocol = connection.get_protocol().unwrap_or("mqtt");
    let protocol = find_protocol(correlation_id, &format!("{section}.protocol"), protocol)?;
    let Some(host) = connection.get_host() else {
        let message = format!("{section}.host is not set, and neither is {section}.uri");
        return Err(config_error(correlation_id, "NO_HOST", &format!("{section}.host"), message));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = connection.get_port().map_err(|error| {
        let message = format!("{section}.{}", error.message());
        config_error(correlation_id, "BAD_VALUE", &format!("{section}.port"), message)
    })?;
    let port = port.unwrap_or(protocol.default_port());
    let transport = Transport::new(protocol, &host, port, None, Section(section), connection.as_config())?;
    let (section, transport) = (section.to_owned(), Arc::new(transport));
    Ok(Endpoint { host, port, section, user: User::default(), transport })
}

fn from_uri(
    correlation_id: Option<&str>,
    section: &str,
    uri: &str,
    connection: &ConnectionParams,
) -> Result<Endpoint, ApplicationError> {
    let key = format!("{section}.uri");
    // The URI itself may hold a password, so no message shows it.
    let bad = |why: String| config_error(correlation_id, "BAD_URI", &key, format!("{key} {why}"));
    let url = Url::parse(uri).map_err(|error| bad(format!("is no URI: {error}")))?;
    let protocol = find_protocol(correlation_id, &key, url.scheme())?;
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) if !host.to_string().is_empty() => host.to_string(),
        _ => {
            return Err(config_error(correlation_id, "NO_HOST", &key, format!("{key} has no host")));
        }
    };
    let decode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(|text| text.into_owned()).map_err(|_| bad("has a user or password that is no UTF-8".into()))
    };
    let name = Some(url.username()).filter(|name| !name.is_empty()).map(decode).transpose()?;
    let password = url.password().map(decode).transpose()?.map(Secret::new);
    let in_uri = InUri { name: name.is_some(), password: password.is_some() };
    let user = User { name, password, in_uri };
    let port = url.port().unwrap_or(protocol.default_port());
    let path = Some(&url[Position::BeforePath..Position::AfterQuery]).filter(|path| !path.is_empty());
    let transport = Transport::new(protocol, &host, port, path, Section(section), connection.as_config())?;
    let (section, transport) = (section.to_owned(), Arc::new(transport));
    Ok(Endpoint { host, port, section, user, transport })
}

fn find_protocol(correlation_id: Option<&str>, key: &str, name: &str) -> Result<Protocol, ApplicationError> {
    let why = match Protocol::from_name(name).map(|protocol| (protocol, protocol.missing_feature())) {
        Some((protocol, None)) => return Ok(protocol),
        Some((_, Some(feature))) => format!("it needs the feature '{feature}' of pip-services-mqtt"),
        None => "it must be mqtt, mqtts, ws or wss".to_owned(),
    };
    let message = format!("{key} asks for the protocol '{name}'; {why}");
    Err(config_error(correlation_id, "UNSUPPORTED_PROTOCOL", key, message))
}

fn config_error(
    correlation_id: Option<&str>,
    code: &'static str,
    key: &str,
    message: String,
) -> ApplicationError {
    ApplicationError::config(correlation_id, code, message).with_details("key", key)
}

#[cfg(test)]
mod tests {
    use pip_services_commons::refer::{Descriptor, References};
    use pip_services_components::connect::MemoryDiscovery;

    use super::*;

    async fn resolve(tuples: &[(&str, &str)]) -> Result<ConnectTarget, ApplicationError> {
        let config = ConfigParams::from_tuples(tuples.iter().copied());
        MqttConnectionResolver::from_config(&config)?.resolve(Some("c")).await
    }

    fn user(name: &str, password: &str) -> User {
        User { name: Some(name.into()), password: Some(Secret::new(password)), ..User::default() }
    }

    fn user_in_uri(name: &str, password: &str) -> User {
        User { in_uri: InUri { name: true, password: true }, ..user(name, password) }
    }

    #[tokio::test]
    async fn host_and_port_make_an_endpoint_with_the_usual_port_as_default() {
        let target =
            resolve(&[("connection.host", "localhost"), ("connection.protocol", "mqtt")]).await.unwrap();
        assert_eq!(target.endpoints[0].to_string(), "mqtt://localhost:1883");
        assert_eq!(target.endpoints[0].user, User::default());
        let target = resolve(&[("connection.host", "::1"), ("connection.port", "1884")]).await.unwrap();
        assert_eq!(target.endpoints[0].to_string(), "mqtt://[::1]:1884");
    }

    #[tokio::test]
    async fn user_info_of_a_uri_is_decoded_and_a_credential_wins_over_it() {
        let uri = ("connection.uri", "mqtt://me%40home:p%2Fs@[::1]:2000");
        let target = resolve(&[uri]).await.unwrap();
        assert_eq!(target.endpoints[0].to_string(), "mqtt://[::1]:2000");
        assert_eq!(target.endpoints[0].user, user_in_uri("me@home", "p/s"));
        let target =
            resolve(&[uri, ("credential.username", "you"), ("credential.password", "x")]).await.unwrap();
        assert_eq!(target.endpoints[0].user, user("you", "x"));
    }

    #[tokio::test]
    async fn each_of_several_uris_has_its_own_user_whose_password_goes_nowhere_else() {
        let uris = [
            ("connections.0.uri", "mqtt://one:first@a"),
            ("connections.1.uri", "mqtt://two:second@b"),
            ("connections.2.uri", "mqtt://c"),
            ("connections.3.host", "d"),
        ];
        let users = async |more: &[(&str, &str)]| {
            let target = resolve(&[&uris, more].concat()).await.unwrap();
            target.endpoints.into_iter().map(|endpoint| endpoint.user).collect::<Vec<_>>()
        };
        let (one, two) = (user_in_uri("one", "first"), user_in_uri("two", "second"));
        assert_eq!(users(&[]).await, [one, two, User::default(), User::default()]);
        let credential = [("credential.username", "me"), ("credential.password", "p")];
        assert_eq!(users(&credential).await, [(); 4].map(|()| user("me", "p")));
        let target = resolve(&uris).await.unwrap();
        assert_eq!(
            target.warnings().len(),
            2,
            "only two passwords can be overheard: {:?}",
            target.warnings()
        );
        let error = resolve(&[&uris[..], &credential[1..]].concat()).await.unwrap_err();
        assert_eq!(error.code(), "NO_USERNAME");
        assert!(error.message().contains("connections.2.uri"), "{error}");
    }

    #[tokio::test]
    async fn a_user_tells_where_name_and_password_come_from() {
        let (name, password) = (("credential.username", "you"), ("credential.password", "x"));
        let source = async |uri: &str, credential: &[(&str, &str)]| {
            let tuples = [&[("connections.a.uri", uri)], credential].concat();
            let endpoint = resolve(&tuples).await.unwrap().endpoints.remove(0);
            endpoint.user.source(&endpoint.section)
        };
        let (in_uri, in_credential) = ("connections.a.uri", "credential.password");
        let cases: [(&str, &[_], &str, &str); 7] = [
            ("mqtt://h", &[], "credential.username and credential.password", in_credential),
            ("mqtt://h", &[name, password], "credential.username and credential.password", in_credential),
            (
                "mqtt://me:p@h",
                &[name, password],
                "credential.username and credential.password",
                in_credential,
            ),
            ("mqtt://me:p@h", &[], "the user info in connections.a.uri", in_uri),
            ("mqtt://me@h", &[], "the user info in connections.a.uri", in_uri),
            ("mqtt://me:p@h", &[name], "credential.username and the password in connections.a.uri", in_uri),
            (
                "mqtt://me@h",
                &[password],
                "the user in connections.a.uri and credential.password",
                in_credential,
            ),
        ];
        for (uri, credential, what, key) in cases {
            assert_eq!(source(uri, credential).await, (what.into(), key.into()), "{uri} {credential:?}");
        }
    }

    #[tokio::test]
    async fn several_connections_keep_their_order() {
        let target = resolve(&[("connections.0.host", "a"), ("connections.1.host", "b")]).await.unwrap();
        assert_eq!(target.endpoints.iter().map(|e| e.host.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[tokio::test]
    async fn what_discovery_knows_of_one_of_several_connections_is_tried_in_its_turn() {
        let discovery = MemoryDiscovery::new();
        let known =
            [("k.host", "found"), ("k.uri", "mqtt://me:p@found"), ("bad.host", "h"), ("bad.port", "0")];
        discovery.configure(&ConfigParams::from_tuples(known)).unwrap();
        let references = References::new();
        let descriptor = Descriptor::new("pip-services", "discovery", "memory", "default", "1.0");
        references.put(descriptor, Arc::new(discovery));
        let resolver = MqttConnectionResolver::default();
        resolver.set_references(&references).unwrap();
        let first = [("connections.0.host", "a"), ("connections.1.discovery_key", "k")];
        let take = |last| {
            let config = ConfigParams::from_tuples([&first[..], &[last]].concat());
            resolver.take(MqttConnectionResolver::from_config(&config).unwrap());
        };
        take(("connections.2.host", "c"));
        let target = resolver.resolve(None).await.unwrap();
        let tried: Vec<_> =
            target.endpoints.iter().map(|broker| (broker.host.as_str(), broker.section.as_str())).collect();
        assert_eq!(tried, [("a", "connections.0"), ("found", "connections.1"), ("c", "connections.2")]);
        assert_eq!(target.endpoints[1].user, user_in_uri("me", "p"));
        take(("connections.2.discovery_key", "bad"));
        let error = resolver.resolve(None).await.unwrap_err();
        assert_eq!(error.detail("key"), Some("connections.2.port"), "{error}");
    }

    #[cfg(all(feature = "tls", feature = "websocket"))]
    #[tokio::test]
    async fn each_protocol_has_its_names_and_its_port() {
        for (name, uri) in [
            ("mqtt", "mqtt://h:1883"),
            ("tcp", "mqtt://h:1883"),
            ("mqtts", "mqtts://h:8883"),
            ("ssl", "mqtts://h:8883"),
            ("tls", "mqtts://h:8883"),
            ("ws", "ws://h:80"),
            ("wss", "wss://h:443"),
        ] {
            let parts = [("connection.host", "h"), ("connection.protocol", name)];
            assert_eq!(resolve(&parts).await.unwrap().endpoints[0].to_string(), uri);
            let whole = format!("{name}://h");
            assert_eq!(resolve(&[("connection.uri", &whole)]).await.unwrap().endpoints[0].to_string(), uri);
        }
    }

    #[cfg(not(all(feature = "tls", feature = "websocket")))]
    #[tokio::test]
    async fn a_protocol_whose_feature_is_off_is_refused_with_the_features_name() {
        for (uri, feature, is_on) in [
            ("mqtts://h", "'tls'", cfg!(feature = "tls")),
            ("ws://h", "'websocket'", cfg!(feature = "websocket")),
        ] {
            let resolved = resolve(&[("connection.uri", uri)]).await;
            assert_eq!(resolved.is_ok(), is_on, "{uri}");
            if let Err(error) = resolved {
                assert_eq!(error.code(), "UNSUPPORTED_PROTOCOL");
                assert!(error.message().contains(feature), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn a_password_that_others_could_read_is_a_warning_except_on_this_machine() {
        let warnings = async |uri: &str| resolve(&[("connection.uri", uri)]).await.unwrap().warnings();
        let told = warnings("mqtt://me:hunter2@broker.example.com").await;
        assert!(told.len() == 1 && told[0].contains("mqtt://broker.example.com:1883"), "{told:?}");
        assert!(!told[0].contains("hunter2"), "{told:?}");
        for uri in [
            "mqtt://broker.example.com",
            "mqtt://me:p@localhost",
            "mqtt://me:p@127.0.0.1",
            "mqtt://me:p@[::1]",
        ] {
            assert_eq!(warnings(uri).await, [""; 0], "{uri}");
        }
    }

    #[tokio::test]
    async fn what_is_missing_or_wrong_is_named() {
        type Tuples = &'static [(&'static str, &'static str)];
        let cases: [(Tuples, &str, &str); 13] = [
            (&[], "NO_CONNECTION", "connection"),
            (&[("connection.port", "1")], "NO_HOST", "connection.host"),
            (
                &[("connection.host", "h"), ("connection.protocol", "http")],
                "UNSUPPORTED_PROTOCOL",
                "connection.protocol",
            ),
            (&[("connection.uri", "amqp://h")], "UNSUPPORTED_PROTOCOL", "connection.uri"),
            (&[("connection.uri", "not a uri")], "BAD_URI", "connection.uri"),
            (&[("connection.host", "h"), ("credential.password", "p")], "NO_USERNAME", "credential.username"),
            (&[("connection.uri", "mqtt://a%00b:x@h")], "BAD_VALUE", "credential.username"),
            (&[("connection.host", "h"), ("connection.ca", "ca.pem")], "BAD_VALUE", "connection.ca"),
            (&[("connection.uri", "tcp://h"), ("connection.cert", "c.pem")], "BAD_VALUE", "connection.cert"),
            (
                &[("connection.host", "h"), ("connection.insecure", "true")],
                "BAD_VALUE",
                "connection.insecure",
            ),
            (
                &[("connection.uri", "mqtt://h"), ("connection.insecure", "perhaps")],
                "BAD_VALUE",
                "connection.insecure",
            ),
            (&[("connection.host", "h"), ("connection.port", "mqtt")], "BAD_VALUE", "connection.port"),
            (&[("connection.host", "h"), ("connection.port", "70000")], "BAD_VALUE", "connection.port"),
        ];
        for (tuples, code, key) in cases {
            let error = resolve(tuples).await.unwrap_err();
            assert_eq!((error.code(), error.detail("key")), (code, Some(key)), "{tuples:?}");
        }
    }

    #[tokio::test]
    async fn a_user_name_or_password_that_mqtt_has_no_room_for_is_refused_with_its_key() {
        let longest = "x".repeat(LONGEST);
        let host = ("connection.host", "h");
        let (name, password) = ("credential.username", "credential.password");
        resolve(&[host, (name, &longest), (password, &longest)]).await.unwrap();
        let long = format!("{longest}x");
        let uri = format!("mqtt://{long}@h");
        for (tuples, key) in [
            (vec![host, (name, long.as_str())], name),
            (vec![("connection.uri", uri.as_str())], name),
            (vec![host, (name, "me"), (password, long.as_str())], password),
        ] {
            let error = resolve(&tuples).await.unwrap_err();
            assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(key)));
            assert!(error.message().contains("65535") && error.message().len() < 200, "{error}");
        }
    }

    #[tokio::test]
    async fn a_user_name_for_which_brokers_close_the_connection_is_refused_with_key_and_value() {
        let given = [("connection.host", "h"), ("credential.username", "a\nb")];
        for tuples in [&given[..], &[("connection.uri", "mqtt://a%0Ab:x@h")]] {
            let error = resolve(tuples).await.unwrap_err();
            assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("credential.username")));
            assert!(
                error.message().contains("connection.uri") && error.message().contains("'a\\nb'"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_one_of_several_connections_names_its_section() {
        let cases = [
            ("connections.1.port", "1", "connections.1.host"),
            ("connections.1.uri", "mqtt://", "connections.1.uri"),
            ("connections.1.uri", "http://h", "connections.1.uri"),
            ("connections.1.protocol", "http", "connections.1.protocol"),
            ("connections.1.port", "70000", "connections.1.port"),
            ("connections.1.port", "0", "connections.1.port"),
        ];
        for (key, value, named) in cases {
            let mut tuples = vec![("connections.0.host", "a"), (key, value)];
            if value.ends_with('0') {
                tuples.push(("connections.1.host", "b"));
            }
            let error = resolve(&tuples).await.unwrap_err();
            assert_eq!(error.detail("key"), Some(named), "{tuples:?}");
            assert!(error.message().starts_with(named), "{error}");
        }
    }

    #[tokio::test]
    async fn no_output_shows_the_password() {
        let target = resolve(&[("connection.uri", "mqtt://me:hunter2@host")]).await.unwrap();
        let error = resolve(&[("connection.uri", "http://me:hunter2@host")]).await.unwrap_err();
        let shown = format!("{target:?} {error:?} {error:#}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
