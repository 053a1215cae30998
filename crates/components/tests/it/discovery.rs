use pip_services_commons::config::{ConfigParams, IConfigurable};
use pip_services_components::connect::{ConnectionParams, IDiscovery, MemoryDiscovery};

use crate::support::{Tuples, config};

fn discovery(tuples: &[(&str, &str)]) -> MemoryDiscovery {
    let discovery = MemoryDiscovery::new();
    discovery.configure(&config(tuples)).unwrap();
    discovery
}

async fn one(discovery: &MemoryDiscovery, key: &str) -> Option<String> {
    discovery.resolve_one(None, key).await.unwrap().map(|connection| connection.to_string())
}

async fn all(discovery: &MemoryDiscovery, key: &str) -> Vec<String> {
    let connections = discovery.resolve_all(None, key).await.unwrap();
    connections.iter().map(ToString::to_string).collect()
}

fn host(host: &str) -> ConnectionParams {
    ConnectionParams::from_tuples([("host", host)])
}

#[tokio::test]
async fn each_section_of_the_configuration_is_a_connection() {
    let rows: [(&str, Tuples, Option<&str>); 6] = [
        ("nothing", &[], None),
        ("a section", &[("k.host", "h"), ("k.port", "1883")], Some("host=h;port=1883")),
        ("a section among others", &[("a.host", "a"), ("k.host", "h"), ("z.host", "z")], Some("host=h")),
        ("another section", &[("other.host", "h")], None),
        ("keys with dots", &[("k.a.b", "1")], Some("a.b=1")),
        ("a key without a section, such as a descriptor", &[("k", "a:b:c:d:1.0")], None),
    ];
    for (what, tuples, expected) in rows {
        let discovery = discovery(tuples);
        assert_eq!(one(&discovery, "k").await.as_deref(), expected, "{what}");
        assert_eq!(all(&discovery, "k").await, expected.into_iter().collect::<Vec<_>>(), "{what}");
    }
}

#[tokio::test]
async fn registered_connections_follow_those_of_their_key_and_repeat() {
    let discovery = discovery(&[("k.host", "configured")]);
    for (what, key, connection, first, expected) in [
        ("the same key", "k", "1", "host=configured", &["host=configured", "host=1"][..]),
        ("again", "k", "1", "host=configured", &["host=configured", "host=1", "host=1"]),
        ("another key", "l", "2", "host=2", &["host=2"]),
    ] {
        let registered = discovery.register(None, key, &host(connection)).await.unwrap();
        assert_eq!(registered, host(connection), "{what}");
        assert_eq!(one(&discovery, key).await.as_deref(), Some(first), "{what}");
        assert_eq!(all(&discovery, key).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_new_configuration_replaces_all_connections() {
    let discovery = discovery(&[("one.host", "h")]);
    discovery.register(None, "registered", &host("h")).await.unwrap();
    discovery.configure(&config(&[("two.host", "h")])).unwrap();
    for (key, known) in [("one", false), ("registered", false), ("two", true)] {
        assert_eq!(one(&discovery, key).await.is_some(), known, "{key}");
    }
    discovery.configure(&ConfigParams::new()).unwrap();
    assert_eq!(one(&discovery, "two").await, None);
}

#[tokio::test]
async fn a_wrong_port_is_an_error_that_names_key_and_value_and_changes_nothing() {
    let discovery = discovery(&[("k.host", "h")]);
    for (what, port) in [("a word", "mqtt"), ("too large", "65536"), ("negative", "-1")] {
        let tuples = [("k.host", "changed"), ("l.port", port)];
        let error = discovery.configure(&config(&tuples)).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("l.port")), "{what}");
        let expected = format!("l.port is '{port}'; it must be a number from 0 to 65535");
        assert_eq!(error.message(), expected, "{what}");
        assert_eq!(one(&discovery, "k").await.as_deref(), Some("host=h"), "{what}");
    }
}
