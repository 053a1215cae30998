use pip_services_commons::{
    config::{ConfigParams, NameResolver, redacted},
    errors::{ApplicationError, ErrorDescription},
    refer::{DependencyResolver, Descriptor},
};
use serde_json::json;

const SECRET: &str = "hunter2";
const URI: &str = "mqtt://me:hunter2@host:1883";

#[test]
fn a_secret_is_told_by_its_key() {
    let secret = [
        "password",
        "secret",
        "access_key",
        "token",
        "credential.password",
        "credential.pass",
        "credential.secret_key",
        "credential.client_key",
        "credentials.0.access_key",
        "credential.access_token",
        "MQTT_PASSWORD",
        "Password",
        "client-secret",
        "key_password",
        "accessKey",
        "clientSecret",
        "dbpassword",
        "passphrase",
        "key",
        // Lists and objects under such a key are as secret.
        "tokens.0",
        "token.0",
        "passwords.admin",
        "password.value",
        "secret2",
    ];
    for key in secret {
        assert_eq!(redacted(key, SECRET), "***", "{key}");
    }
    let harmless = [
        "connection.discovery_key",
        "credential.store_key",
        "credential.username",
        "monkey",
        "keepalive_timeout",
        "compass",
        "keyboard",
        "name",
        "",
    ];
    for key in harmless {
        assert_eq!(redacted(key, SECRET), SECRET, "{key}");
    }
}

#[test]
fn user_info_of_a_uri_is_masked_whatever_the_key() {
    let table = [
        ("user and password", "x", "mqtt://me:hunter2@host:1/x", "mqtt://***@host:1/x"),
        ("an at sign in the password", "x", "mqtt://me:hun@ter2@host", "mqtt://***@host"),
        ("a slash in the password", "x", "mqtt://me:hun/ter2@host/x", "mqtt://***@host/x"),
        ("a list", "x", "mqtt://me:hunter2@a,mqtt://me:hunter2@b", "mqtt://***@b"),
        ("no user info", "x", "mqtt://host/path", "mqtt://host/path"),
        ("an empty user info", "x", "mqtt://@host", "mqtt://@host"),
        ("an at sign before it", "x", "a@b mqtt://host", "a@b mqtt://host"),
        ("no URI", "x", "me@host", "me@host"),
        ("a scheme is missing", "connection.uri", "me:hunter2@host", "***@host"),
        ("slashes are missing", "broker_url", "mqtt:me:hunter2@host", "***@host"),
        ("one of a list", "uris.0", "me:hunter2@host", "***@host"),
        ("a line end between the slashes", "x", "mqtt:/\n/me:hunter2@host", "mqtt:***@host"),
        ("backslashes, and a URI in the path", "x", "http:\\\\me:hunter2@host/a://b", "http:***@host/a://b"),
        ("a URI after a colon", "x", "broker: mqtt://me:hunter2@host", "broker:***@host"),
        ("no scheme, and slashes in the password", "uri", "me:hunter2:/@host", "me:***@host"),
        ("no slashes at all", "x", "group:type@place", "group:type@place"),
    ];
    for (what, key, value, expected) in table {
        assert_eq!(redacted(key, value), expected, "{what}");
    }
}

#[test]
fn secrets_in_the_query_of_a_uri_are_masked_whatever_the_key() {
    let table = [
        ("alone", "mqtt://host?password=hunter2", "mqtt://host?password=***"),
        ("among others", "http://host/a?x=1&token=hunter2&y=2", "http://host/a?x=1&token=***&y=2"),
        ("several", "http://host?password=hunter2&apiKey=hunter2", "http://host?password=***&apiKey=***"),
        ("with a user info", "mqtt://me:hunter2@host?secret=hunter2", "mqtt://***@host?secret=***"),
        ("an at sign in it", "mqtt://host?password=hun@ter2", "mqtt://***"),
        ("a question mark in the user info", "mqtt://me:p?password=x@host", "mqtt://***"),
        ("separators of another kind", "x?a=1;password=hun;ter2&b=2", "x?a=1;password=***&b=2"),
        ("in the fragment", "http://host?a=1#token=hunter2", "http://host?a=1#token=***"),
        ("of the second of a list", "a?x=1,b?token=hunter2", "a?x=1,b?token=***"),
        ("without a name before it", "http://host?hunter=2&=3", "http://host?hunter=2&=3"),
        ("without a value", "http://host?password&token=", "http://host?password&token=***"),
        ("with an encoded name", "http://host?pass%77ord=hunter2", "http://host?pass%77ord=***"),
        ("where something is to be found", "http://host?store_key=a", "http://host?store_key=a"),
        ("no query", "password=hunter2", "password=hunter2"),
    ];
    for (what, value, expected) in table {
        assert_eq!(redacted("x", value), expected, "{what}");
    }
    let shown = ConfigParams::from_tuples([("connection.uri", "mqtt://host?password=hunter2")]).to_string();
    assert_eq!(shown, "connection.uri=mqtt://host?password=***");
}

fn config() -> ConfigParams {
    let mut config = ConfigParams::from_value(&json!({
        "name": "orders",
        "connection": {"uri": URI, "host": "localhost"},
        "credentials": [{"username": "me", "password": SECRET, "access_key": SECRET}],
        "tokens": [SECRET],
    }));
    // A URI where pairs are expected.
    config = config.override_with(&ConfigParams::from_string(URI));
    config
}

#[test]
fn parameters_show_no_secret() {
    let config = config();
    let expected = "name=orders;connection.uri=mqtt://***@host:1883;connection.host=localhost;\
                    credentials.0.username=me;credentials.0.password=***;credentials.0.access_key=***;\
                    tokens.0=***;mqtt://***@host:1883";
    assert_eq!(config.to_string(), expected);
    let debug = format!("{config:?} {config:#?}");
    assert!(debug.contains("localhost") && !debug.contains(SECRET), "{debug}");
}

/// All that can be shown of an error.
fn shown(error: &ApplicationError) -> String {
    let description = ErrorDescription::from(error);
    let json = serde_json::to_string(&description).unwrap();
    format!("{error} {error:#} {error:?} {error:#?} {description:?} {json}")
}

#[test]
fn no_error_shows_a_secret() {
    let password = ConfigParams::from_tuples([("credential.password", SECRET), ("retries.uri", URI)]);
    let bad_descriptor = ConfigParams::from_tuples([("descriptor", URI), ("dependencies.connection", URI)]);
    let received: ErrorDescription =
        serde_json::from_value(json!({"details": {"password": SECRET, "tokens": [SECRET], "uri": URI}}))
            .unwrap();
    let table = [
        ("a malformed boolean", password.try_get_as_boolean("credential.password").unwrap_err()),
        ("a malformed integer", password.try_get_as_integer("credential.password").unwrap_err()),
        ("a malformed long", password.try_get_as_long("credential.password").unwrap_err()),
        ("a malformed float", password.try_get_as_float("credential.password").unwrap_err()),
        ("a malformed double", password.try_get_as_double("credential.password").unwrap_err()),
        ("a malformed duration", password.try_get_as_duration_ms("credential.password").unwrap_err()),
        ("a malformed time", password.try_get_as_datetime("credential.password").unwrap_err()),
        ("a URI instead of a number", password.try_get_as_integer("retries.uri").unwrap_err()),
        ("a URI instead of a descriptor", URI.parse::<Descriptor>().unwrap_err()),
        ("a URI without a scheme", "me:hunter2@host".parse::<Descriptor>().unwrap_err()),
        ("a URI as the descriptor of a name", NameResolver::resolve(&bad_descriptor).unwrap_err()),
        ("a URI as a dependency", DependencyResolver::new().configure(&bad_descriptor).unwrap_err()),
        ("a detail", ApplicationError::unknown(None, "X", "x").with_details("password", SECRET)),
        ("a detail with a URI", ApplicationError::unknown(None, "X", "x").with_details("server", URI)),
        ("details of a received error", received.clone().into()),
    ];
    for (what, error) in table {
        let shown = shown(&error);
        assert!(!shown.contains(SECRET), "{what}: {shown}");
    }
    assert!(!format!("{received:?}").contains(SECRET), "{received:?}");
}

#[test]
fn the_key_of_a_parameter_is_no_secret_although_it_is_called_key() {
    let error = ApplicationError::unknown(None, "X", "x").with_details("key", "credential.password");
    assert_eq!(error.detail("key"), Some("credential.password"));
}
