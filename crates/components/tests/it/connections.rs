use std::sync::Arc;

use async_trait::async_trait;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::{ApplicationError, ErrorCategory},
    refer::{Component, IReferenceable, IReferences, IUnreferenceable, References, ReferencesExt},
};
use pip_services_components::connect::{ConnectionParams, ConnectionResolver, IDiscovery, MemoryDiscovery};

use crate::support::{Tuples, config, references};

fn connection(tuples: &[(&str, &str)]) -> ConnectionParams {
    ConnectionParams::from_tuples(tuples.iter().copied())
}

#[test]
fn each_value_is_found_under_its_keys_and_is_absent_where_it_is_blank() {
    type Get = fn(&ConnectionParams) -> Option<&str>;
    let rows: [(&str, Get, Tuples, Option<&str>); 14] = [
        ("discovery_key", ConnectionParams::get_discovery_key, &[("discovery_key", "k")], Some("k")),
        ("no discovery_key", ConnectionParams::get_discovery_key, &[("discovery", "k")], None),
        ("a blank discovery_key", ConnectionParams::get_discovery_key, &[("discovery_key", "")], None),
        ("protocol", ConnectionParams::get_protocol, &[("protocol", "mqtt")], Some("mqtt")),
        ("no protocol", ConnectionParams::get_protocol, &[], None),
        ("a blank protocol", ConnectionParams::get_protocol, &[("protocol", "")], None),
        ("host", ConnectionParams::get_host, &[("host", "h")], Some("h")),
        ("host by ip", ConnectionParams::get_host, &[("ip", "10.0.0.1")], Some("10.0.0.1")),
        ("host before ip", ConnectionParams::get_host, &[("ip", "i"), ("host", "h")], Some("h")),
        ("ip where host is blank", ConnectionParams::get_host, &[("host", ""), ("ip", "i")], Some("i")),
        ("no host", ConnectionParams::get_host, &[("uri", "mqtt://h")], None),
        ("uri", ConnectionParams::get_uri, &[("uri", "mqtt://h")], Some("mqtt://h")),
        ("no uri", ConnectionParams::get_uri, &[("host", "h")], None),
        ("a blank uri", ConnectionParams::get_uri, &[("uri", "")], None),
    ];
    for (what, get, tuples, expected) in rows {
        assert_eq!(get(&connection(tuples)), expected, "{what}");
    }
}

#[test]
fn discovery_is_used_where_there_is_a_key_that_is_not_blank() {
    for (what, value, expected) in [
        ("a key", Some("k"), true),
        ("a blank one, as a template leaves it", Some(""), false),
        ("a null", None, false),
    ] {
        assert_eq!(
            ConnectionParams::from_tuples([("discovery_key", value)]).use_discovery(),
            expected,
            "{what}"
        );
    }
    assert!(!ConnectionParams::new().use_discovery());
}

#[test]
fn a_port_is_a_whole_number_from_1_to_65535_or_absent() {
    for (what, port, expected) in [
        ("absent", None, Ok(None)),
        ("empty", Some(""), Ok(None)),
        ("blank", Some(" "), Ok(None)),
        ("the least", Some("1"), Ok(Some(1))),
        ("with space", Some(" 1883 "), Ok(Some(1883))),
        ("the largest", Some("65535"), Ok(Some(65535))),
        ("none", Some("0"), Err("0")),
        ("too large", Some("65536"), Err("65536")),
        ("negative", Some("-1"), Err("-1")),
        ("a word", Some("mqtt"), Err("mqtt")),
        ("a prefix", Some("18a"), Err("18a")),
    ] {
        let port = ConnectionParams::from_tuples([("port", port)]).get_port();
        let shown = port.map_err(|error| {
            assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some("port")), "{what}");
            assert_eq!(error.category(), &ErrorCategory::Misconfiguration, "{what}");
            error.message().to_owned()
        });
        let expected =
            expected.map_err(|text| format!("port is '{text}'; it must be a number from 1 to 65535"));
        assert_eq!(shown, expected, "{what}");
    }
}

#[test]
fn connections_win_over_connection_and_keep_their_order() {
    let rows: [(&str, Tuples, &[&str]); 6] = [
        ("nothing", &[], &[]),
        ("at the top", &[("host", "top")], &[]),
        ("one", &[("connection.host", "one")], &["host=one"]),
        (
            "several",
            &[("connections.b.host", "first"), ("connections.a.host", "second"), ("connections.b.port", "1")],
            &["host=first;port=1", "host=second"],
        ),
        ("both", &[("connection.host", "one"), ("connections.0.host", "first")], &["host=first"]),
        (
            "more than ten",
            &[("connections.10.host", "a"), ("connections.2.host", "b")],
            &["host=a", "host=b"],
        ),
    ];
    for (what, tuples, expected) in rows {
        let config = config(tuples);
        let connections = ConnectionParams::many_from_config(&config);
        let shown: Vec<_> = connections.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected, "{what}");
        assert_eq!(ConnectionParams::from_config(&config), connections.into_iter().next(), "{what}");
    }
}

#[test]
fn a_connection_can_be_changed_and_keeps_keys_of_any_name() {
    let mut changed = connection(&[("host", "h"), ("keepalive", "5")]);
    changed.put("host", "other");
    changed.put("port", 1883);
    assert_eq!(changed.as_config(), &config(&[("host", "other"), ("keepalive", "5"), ("port", "1883")]));
    assert_eq!(ConfigParams::from(changed.clone()), *changed.as_config());
    assert_eq!(ConnectionParams::from(config(&[("host", "h")])), connection(&[("host", "h")]));
}

fn resolver(tuples: &[(&str, &str)]) -> ConnectionResolver {
    let resolver = ConnectionResolver::new();
    resolver.configure(&config(tuples)).unwrap();
    resolver
}

/// References that hold a discovery of each configuration, the oldest first.
fn discoveries(configs: &[Tuples]) -> References {
    references(configs.iter().map(|tuples| {
        let discovery = MemoryDiscovery::new();
        discovery.configure(&config(tuples)).unwrap();
        ("pip-services:discovery:memory:default:1.0", Arc::new(discovery) as Arc<dyn Component>)
    }))
}

async fn resolve(resolver: &ConnectionResolver) -> Option<String> {
    let connection = resolver.resolve(None).await.unwrap()?;
    Some(connection.to_string())
}

async fn resolve_all(resolver: &ConnectionResolver) -> Vec<String> {
    let connections = resolver.resolve_all(None).await.unwrap();
    connections.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn connections_are_resolved_from_the_configuration_or_else_from_discovery() {
    type Row<'a> = (&'a str, Tuples, &'a [Tuples], Option<&'a str>, &'a [&'a str]);
    let rows: [Row<'_>; 11] = [
        ("nothing configured, no discovery", &[], &[], None, &[]),
        ("nothing configured", &[], &[&[("k.host", "h")]], None, &[]),
        (
            "static ones, no discovery",
            &[("connections.0.host", "a"), ("connections.1.host", "b")],
            &[],
            Some("host=a"),
            &["host=a", "host=b"],
        ),
        (
            "a static one after one with a key",
            &[("connections.0.discovery_key", "k"), ("connections.1.host", "static")],
            &[&[("k.host", "found")]],
            Some("host=static"),
            &["host=static", "discovery_key=k;host=found"],
        ),
        (
            "a blank key is no key",
            &[("connection.discovery_key", ""), ("connection.host", "static")],
            &[],
            Some("discovery_key=;host=static"),
            &["discovery_key=;host=static"],
        ),
        (
            "what is found goes over what is configured",
            &[("connection.discovery_key", "k"), ("connection.host", "c"), ("connection.port", "1883")],
            &[&[("k.host", "found"), ("k.protocol", "mqtt")]],
            Some("discovery_key=k;host=found;port=1883;protocol=mqtt"),
            &["discovery_key=k;host=found;port=1883;protocol=mqtt"],
        ),
        (
            "the newest discovery is asked first",
            &[("connection.discovery_key", "k")],
            &[&[("k.host", "old")], &[("k.host", "new")]],
            Some("discovery_key=k;host=new"),
            &["discovery_key=k;host=new", "discovery_key=k;host=old"],
        ),
        (
            "the older one where the newest does not know",
            &[("connection.discovery_key", "k")],
            &[&[("k.host", "old")], &[("l.host", "new")]],
            Some("discovery_key=k;host=old"),
            &["discovery_key=k;host=old"],
        ),
        (
            "the first of several keys wins",
            &[("connections.0.discovery_key", "k"), ("connections.1.discovery_key", "l")],
            &[&[("l.host", "l"), ("k.host", "k")]],
            Some("discovery_key=k;host=k"),
            &["discovery_key=k;host=k", "discovery_key=l;host=l"],
        ),
        (
            "the first key that is known wins",
            &[("connections.0.discovery_key", "unknown"), ("connections.1.discovery_key", "l")],
            &[&[("l.host", "l")]],
            Some("discovery_key=l;host=l"),
            &["discovery_key=l;host=l"],
        ),
        ("a key that nobody knows", &[("connection.discovery_key", "k")], &[&[], &[]], None, &[]),
    ];
    for (what, tuples, known, one, all) in rows {
        let resolver = resolver(tuples);
        resolver.set_references(&discoveries(known)).unwrap();
        assert_eq!(resolve(&resolver).await.as_deref(), one, "{what}");
        assert_eq!(resolve_all(&resolver).await, all, "{what}");
    }
}

#[tokio::test]
async fn connections_in_order_have_their_sections_and_what_is_found_stands_where_it_is_asked_for() {
    let resolver = resolver(&[
        ("connections.first.discovery_key", "k"),
        ("connections.second.host", "static"),
        ("connections.third.discovery_key", "unknown"),
        ("connections.fourth.discovery_key", "l"),
    ]);
    resolver.add(connection(&[("host", "added")]));
    resolver
        .set_references(&discoveries(&[&[("k.host", "old"), ("l.host", "l")], &[("k.host", "new")]]))
        .unwrap();
    let found = resolver.resolve_in_order(None).await.unwrap();
    let found: Vec<_> = found.iter().map(|(section, found)| (section.as_str(), found.get_host())).collect();
    let expected = [
        ("connections.first", Some("new")),
        ("connections.first", Some("old")),
        ("connections.second", Some("static")),
        ("connections.fourth", Some("l")),
        ("connection", Some("added")),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn all_connections_of_a_key_are_found() {
    let discovery = MemoryDiscovery::new();
    for host in ["a", "b"] {
        discovery.register(None, "k", &connection(&[("host", host)])).await.unwrap();
    }
    let references = references([("pip-services:discovery:memory:default:1.0", Arc::new(discovery) as _)]);
    let resolver = resolver(&[("connection.discovery_key", "k"), ("connection.port", "1")]);
    resolver.set_references(&references).unwrap();
    let all = ["discovery_key=k;port=1;host=a", "discovery_key=k;port=1;host=b"];
    assert_eq!(resolve(&resolver).await.as_deref(), Some(all[0]));
    assert_eq!(resolve_all(&resolver).await, all);
}

#[tokio::test]
async fn a_key_without_any_discovery_is_a_misconfiguration_that_names_it() {
    let resolver = resolver(&[("connection.discovery_key", "k")]);
    let unlinked = resolver.resolve(Some("c")).await.unwrap_err();
    resolver.set_references(&References::new()).unwrap();
    let one = resolver.resolve(Some("c")).await.unwrap_err();
    let all = resolver.resolve_all(Some("c")).await.unwrap_err();
    let in_order = resolver.resolve_in_order(Some("c")).await.unwrap_err();
    for (what, error) in [("never linked", unlinked), ("one", one), ("all", all), ("in order", in_order)] {
        assert_eq!(error.code(), "CANNOT_RESOLVE", "{what}");
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration, "{what}");
        assert_eq!((error.detail("discovery_key"), error.correlation_id()), (Some("k"), Some("c")), "{what}");
    }
}

#[tokio::test]
async fn a_discovery_that_fails_is_not_taken_for_one_that_knows_nothing() {
    struct Broken;
    component!(Broken: dyn IDiscovery);

    fn down<T>() -> Result<T, ApplicationError> {
        Err(ApplicationError::connection(None, "DOWN", "nobody there"))
    }

    #[async_trait]
    impl IDiscovery for Broken {
        async fn register(
            &self,
            _: Option<&str>,
            _: &str,
            _: &ConnectionParams,
        ) -> Result<ConnectionParams, ApplicationError> {
            down()
        }

        async fn resolve_one(
            &self,
            _: Option<&str>,
            _: &str,
        ) -> Result<Option<ConnectionParams>, ApplicationError> {
            down()
        }

        async fn resolve_all(
            &self,
            _: Option<&str>,
            _: &str,
        ) -> Result<Vec<ConnectionParams>, ApplicationError> {
            down()
        }
    }

    let resolver = resolver(&[("connection.discovery_key", "k")]);
    let references = references([("test:discovery:broken:default:1.0", Arc::new(Broken) as _)]);
    resolver.set_references(&references).unwrap();
    assert_eq!(resolver.resolve(None).await.unwrap_err().code(), "DOWN");
    assert_eq!(resolver.resolve_all(None).await.unwrap_err().code(), "DOWN");
    let connection = connection(&[("discovery_key", "k")]);
    assert_eq!(resolver.register(None, connection).await.unwrap_err().code(), "DOWN");
    assert_eq!(resolver.get_all().len(), 1, "what could not be registered is not added");
}

#[tokio::test]
async fn a_new_configuration_replaces_the_connections_and_those_added() {
    let resolver = resolver(&[("connection.host", "old")]);
    resolver.add(connection(&[("host", "added")]));
    assert_eq!(resolve_all(&resolver).await, ["host=old", "host=added"]);
    resolver.configure(&config(&[("connection.host", "new")])).unwrap();
    assert_eq!(resolve_all(&resolver).await, ["host=new"]);
}

#[tokio::test]
async fn the_connections_of_another_resolver_are_looked_up_in_the_own_references() {
    let own = resolver(&[("connection.host", "old")]);
    own.set_references(&discoveries(&[&[("k.host", "found")]])).unwrap();
    own.take(resolver(&[("connection.discovery_key", "k")]));
    assert_eq!(resolve_all(&own).await, ["discovery_key=k;host=found"]);
}

#[tokio::test]
async fn a_wrong_port_is_an_error_that_names_key_and_value_and_changes_nothing() {
    let resolver = resolver(&[("connection.host", "h")]);
    let rows: [(&str, Tuples, &str, &str); 5] = [
        ("a word", &[("connection.port", "mqtt")], "connection.port", "mqtt"),
        ("a fraction", &[("connection.port", "1883.5")], "connection.port", "1883.5"),
        ("too large", &[("connection.port", "65536")], "connection.port", "65536"),
        (
            "one of several",
            &[("connections.a.port", "1"), ("connections.b.port", "-1")],
            "connections.b.port",
            "-1",
        ),
        (
            "beside a key",
            &[("connection.discovery_key", "k"), ("connection.port", "1,5")],
            "connection.port",
            "1,5",
        ),
    ];
    for (what, tuples, key, value) in rows {
        let error = resolver.configure(&config(tuples)).unwrap_err();
        assert_eq!((error.code(), error.detail("key")), ("BAD_VALUE", Some(key)), "{what}");
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration, "{what}");
        let expected = format!("{key} is '{value}'; it must be a number from 0 to 65535");
        assert_eq!(error.message(), expected, "{what}");
        assert_eq!(resolve_all(&resolver).await, ["host=h"], "{what}");
    }
    resolver.configure(&config(&[("connection.port", "0")])).unwrap();
}

#[tokio::test]
async fn a_registered_connection_reaches_every_discovery_and_the_resolver() {
    type Row<'a> = (&'a str, Tuples, Option<&'a [Tuples]>, &'a [&'a str]);
    let rows: [Row<'_>; 5] = [
        ("without a key", &[("host", "h")], Some(&[&[], &[]]), &[]),
        ("with a blank key", &[("discovery_key", ""), ("host", "h")], Some(&[&[], &[]]), &[]),
        ("without references", &[("discovery_key", "k"), ("host", "h")], None, &[]),
        (
            "without discovery",
            &[("discovery_key", "k"), ("host", "h")],
            Some(&[]),
            &["discovery_key=k;host=h"],
        ),
        (
            "with two discoveries",
            &[("discovery_key", "k"), ("host", "h")],
            Some(&[&[], &[]]),
            &["discovery_key=k;host=h"],
        ),
    ];
    for (what, tuples, known, expected) in rows {
        let resolver = resolver(&[]);
        let references = known.map_or_else(References::new, discoveries);
        if known.is_some() {
            resolver.set_references(&references).unwrap();
        }
        resolver.register(None, connection(tuples)).await.unwrap();
        let configured: Vec<_> = resolver.get_all().iter().map(ToString::to_string).collect();
        assert_eq!(configured, expected, "{what}");
        for discovery in references.get_optional::<dyn IDiscovery>(&"*:discovery:*:*:*".parse().unwrap()) {
            let registered = discovery.resolve_all(None, "k").await.unwrap();
            let registered: Vec<_> = registered.iter().map(ToString::to_string).collect();
            assert_eq!(registered, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn unset_references_lets_go_of_every_discovery() {
    let references = discoveries(&[&[]]);
    let resolver = resolver(&[]);
    resolver.set_references(&references).unwrap();
    let discovery = references.get_all().remove(0);
    drop(references);
    assert_eq!(Arc::strong_count(&discovery), 2);
    resolver.unset_references();
    assert_eq!(Arc::strong_count(&discovery), 1);
}
