use std::{error::Error, iter};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorDescription},
};
use pip_services_components::{
    auth::{CredentialParams, CredentialResolver},
    config::{ConfigTemplate, IConfigReader, JsonConfigReader, MemoryConfigReader, YamlConfigReader},
    connect::{ConnectionParams, ConnectionResolver},
};

use crate::support::{Folder, Tuples, config};

/// The secret in all that these tests show.
const SECRET: &str = "hunter2";

/// All that can be seen of an error.
fn shown(error: &ApplicationError) -> String {
    let causes = iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<_> = causes.map(|cause| format!("{cause} {cause:?}")).collect();
    format!("{error} {error:#} {error:?} {causes:?} {:?}", ErrorDescription::from(error))
}

fn assert_hidden(what: &str, error: &ApplicationError) {
    let shown = shown(error);
    assert!(!shown.contains(SECRET), "{what}: {shown}");
}

#[test]
fn a_connection_hides_the_secrets_in_it() {
    for (what, key, value, expected) in [
        ("a user and password", "uri", "mqtt://me:hunter2@host:1883", "uri=mqtt://***@host:1883"),
        ("a user alone", "uri", "mqtt://hunter2@host", "uri=mqtt://***@host"),
        ("an at in the password", "uri", "mqtt://me:hunter2@x@host/path", "uri=mqtt://***@host/path"),
        ("a slash in the password", "uri", "mqtt://me:x/hunter2@host", "uri=mqtt://***@host"),
        ("a URI under another key", "proxy", "http://me:hunter2@proxy", "proxy=http://***@proxy"),
        ("a password", "password", "hunter2", "password=***"),
        ("a section of its own", "sasl.password", "hunter2", "sasl.password=***"),
        ("a key", "access_key", "hunter2", "access_key=***"),
        ("a token", "auth-token", "hunter2", "auth-token=***"),
    ] {
        let connection = ConnectionParams::from_tuples([(key, value)]);
        assert_eq!(connection.to_string(), expected, "{what}");
        assert!(!format!("{connection:?}").contains(SECRET), "{what}");
        assert_eq!(connection.as_config().get(key), Some(value), "{what}: it is there all the same");
    }
    let connection = ConnectionParams::from_tuples([("discovery_key", "k"), ("host", "h"), ("port", "1")]);
    assert_eq!(connection.to_string(), "discovery_key=k;host=h;port=1");
}

#[test]
fn a_credential_hides_all_values_but_those_that_name_someone() {
    for (what, key, value, expected) in [
        ("the password", "password", Some("hunter2"), "password=***"),
        ("its other name", "pass", Some("hunter2"), "pass=***"),
        ("the key", "secret_key", Some("hunter2"), "secret_key=***"),
        ("a key that nobody knows", "pin", Some("hunter2"), "pin=***"),
        ("a section of its own", "api.code", Some("hunter2"), "api.code=***"),
        ("an empty one", "password", Some(""), "password=***"),
        ("a null", "password", None, "password"),
        ("the user", "username", Some("me"), "username=me"),
        ("the id", "client_id", Some("me"), "client_id=me"),
        ("the key in a store", "store_key", Some("k"), "store_key=k"),
    ] {
        let credential = CredentialParams::from_tuples([(key, value)]);
        assert_eq!(credential.to_string(), expected, "{what}");
        assert_eq!(format!("{credential:?}"), format!("CredentialParams({expected})"), "{what}");
    }
}

#[test]
fn a_credential_shows_all_of_its_keys_in_order() {
    let tuples = [("store_key", "k"), ("username", "me"), ("password", SECRET), ("realm", SECRET)];
    let credential = CredentialParams::from_tuples(tuples);
    assert_eq!(credential.to_string(), "store_key=k;username=me;password=***;realm=***");
}

#[tokio::test]
async fn what_cannot_be_resolved_tells_keys_and_no_parameters() {
    let connections = ConnectionResolver::new();
    let tuples = [
        ("connection.discovery_key", "k"),
        ("connection.uri", "mqtt://me:hunter2@host"),
        ("connection.password", "hunter2"),
    ];
    connections.configure(&config(&tuples)).unwrap();
    assert_hidden("resolve", &connections.resolve(None).await.unwrap_err());
    assert_hidden("resolve_all", &connections.resolve_all(None).await.unwrap_err());
    for port in ["x", "tcp://me:hunter2@host:1883"] {
        let mut tuples = tuples.to_vec();
        tuples.push(("connection.port", port));
        assert_hidden("configure", &connections.configure(&config(&tuples)).unwrap_err());
    }

    let credentials = CredentialResolver::new();
    let tuples = [("credential.store_key", "k"), ("credential.password", "hunter2")];
    credentials.configure(&config(&tuples)).unwrap();
    assert_hidden("lookup", &credentials.lookup(None).await.unwrap_err());
}

/// Templates with a secret near to what is wrong with them.
const TEMPLATES: [(&str, &str); 13] = [
    ("a map in two braces", "credential: {{password: hunter2}}"),
    ("a map in two braces, quoted", r#"{"credential": {{"password": "hunter2"}}}"#),
    ("a default with a bar", "password: {{PASSWORD | default('hunter2')}}"),
    ("a default of the shell", "password: {{PASSWORD:-hunter2}}"),
    ("a default without a sign", "password: {{PASSWORD hunter2}}"),
    ("a text", "password: {{'hunter2'}}"),
    ("a comparison", "{{#if PASSWORD == 'hunter2'}}a{{/if}}"),
    ("a condition of two words", "{{#if PASSWORD hunter2}}a{{/if}}"),
    ("a brace that is missing", "{{A}, password: hunter2, b: {{B}}"),
    ("braces that are missing", "{{A\npassword: hunter2"),
    ("a section", "{{#if A}}password: hunter2"),
    ("the end of a section", "password: hunter2{{/if}}"),
    ("a variable", "password: hunter2 {{HOST}} hunter2"),
];

#[test]
fn an_error_of_a_template_does_not_quote_it() {
    for (what, template) in TEMPLATES {
        let error = ConfigTemplate::render(template, &ConfigParams::new()).unwrap_err();
        assert_hidden(what, &error);
    }
    let parameters = config(&[("PASSWORD", SECRET)]);
    let error = ConfigTemplate::render("{{PASSWORD}}{{HOST}}", &parameters).unwrap_err();
    assert_hidden("a parameter", &error);
}

#[tokio::test]
async fn an_error_of_a_memory_reader_does_not_quote_the_value() {
    for (what, template) in TEMPLATES {
        let reader = MemoryConfigReader::new(config(&[("password", template)]));
        assert_hidden(what, &reader.read_config(None, &ConfigParams::new()).await.unwrap_err());
    }
}

#[test]
fn an_error_of_a_file_does_not_quote_its_lines() {
    let json: Tuples = &[
        ("no quotes", r#"{"password": hunter2}"#),
        ("quotes of another kind", "{'password': 'hunter2'}"),
        ("a quote too many", r#"{"password": "hunter2""}"#),
        ("a quote that is missing", r#"{"password": "hunter2}"#),
        ("no comma", r#"{"password": "hunter2" "a": 1}"#),
        ("no colon", r#"{"password" "hunter2"}"#),
        ("an escape", r#"{"password": "\hunter2"}"#),
        ("a line end", "{\"password\": \"hunter2\n\"}"),
        ("a comment", r#"{"password": "x"} // hunter2"#),
        ("a single value", "\"hunter2\""),
        ("a parameter with a quote", r#"{"password": "{{PASSWORD}}"}"#),
    ];
    let yaml: Tuples = &[
        ("an alias", "password: *hunter2"),
        ("a sign that begins nothing", "password: @hunter2"),
        ("another such sign", "password: %hunter2"),
        ("a directive", "%hunter2"),
        ("a quote that is missing", "password: \"hunter2"),
        ("another quote that is missing", "password: 'hunter2"),
        ("an escape", "password: \"\\hunter2\""),
        ("a colon", "password: hunter2: x"),
        ("an indentation", "password: hunter2\n  a: 1"),
        ("a line without a colon", "password: hunter2\nhunter2\n"),
        ("a list that is not closed", "password: [hunter2"),
        ("a map that is not closed", "password: {hunter2"),
        ("a block", "password: |hunter2"),
        ("a tag of numbers", "password: !!int hunter2"),
        ("a tag of booleans", "password: !!bool hunter2"),
        ("a tag of bytes", "password: !!binary hunter2"),
        ("a tag of times", "password: !!timestamp hunter2"),
        ("a tag without a handle", "password: !hunter!2 hunter2"),
        ("a merge", "<<: hunter2"),
        ("a key that is a list", "[hunter2]: 1"),
        ("two values of a key", "{password: hunter2, password: hunter2}"),
        ("a tab", "a:\n\tpassword: hunter2"),
        ("a null character", "password: hunter2\0"),
        ("two documents", "a: 1\n--- hunter2"),
        ("a single value", "hunter2"),
        ("a parameter with a colon", "password: {{PASSWORD}}: x"),
    ];
    let parameters = config(&[("PASSWORD", "hunter2\"hunter2")]);
    let folder = Folder::new();
    for (what, text) in json {
        let path = folder.file("config.json", text);
        assert_hidden(what, &JsonConfigReader::read_config(None, path, &parameters).unwrap_err());
    }
    for (what, text) in yaml {
        let path = folder.file("config.yml", text);
        assert_hidden(what, &YamlConfigReader::read_config(None, path, &parameters).unwrap_err());
    }
    for (what, text) in TEMPLATES {
        let path = folder.file("config.yml", text);
        assert_hidden(what, &YamlConfigReader::read_config(None, path, &ConfigParams::new()).unwrap_err());
    }
}

#[cfg(feature = "prometheus")]
#[test]
fn a_protocol_hides_the_user_info_that_it_should_not_have() {
    use pip_services_components::count::PrometheusCounters;

    let config = config(&[("connection.protocol", "http://me:hunter2@host")]);
    assert_hidden("the protocol", &PrometheusCounters::new().configure(&config).unwrap_err());
}

#[cfg(feature = "prometheus")]
#[tokio::test]
async fn an_address_to_listen_at_hides_the_user_info_that_it_should_not_have() {
    use pip_services_commons::run::IOpenable;
    use pip_services_components::count::PrometheusCounters;

    let counters = PrometheusCounters::new();
    // Too long for a name, so that nobody is asked for its address.
    let host = format!("http://me:hunter2@{}", "x".repeat(64));
    counters.configure(&config(&[("connection.host", &host), ("connection.port", "0")])).unwrap();
    let error = counters.open(None).await.unwrap_err();
    assert_hidden("the host", &error);
    assert!(error.message().contains("http://***@xxx"), "{error}");
}
