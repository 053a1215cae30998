use std::sync::Arc;

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ErrorCategory,
    refer::{Component, IReferenceable, IReferences, IUnreferenceable, References},
};
use pip_services_components::auth::{
    CredentialParams, CredentialResolver, ICredentialStore, MemoryCredentialStore,
};

use crate::support::{Tuples, config, references};

fn credential(tuples: &[(&str, &str)]) -> CredentialParams {
    CredentialParams::from_tuples(tuples.iter().copied())
}

#[test]
fn each_value_is_found_under_its_names_and_is_absent_where_it_is_blank() {
    type Get = fn(&CredentialParams) -> Option<&str>;
    type Row = (&'static str, Get, &'static [&'static str]);
    let rows: [Row; 5] = [
        ("the key in a store", CredentialParams::get_store_key, &["store_key"]),
        ("the user", CredentialParams::get_username, &["username", "user"]),
        ("the password", CredentialParams::get_password, &["password", "pass"]),
        ("the id", CredentialParams::get_access_id, &["access_id", "client_id"]),
        ("the key", CredentialParams::get_access_key, &["access_key", "client_key", "secret_key"]),
    ];
    for (what, get, names) in rows {
        assert_eq!(get(&CredentialParams::new()), None, "{what}");
        for (index, name) in names.iter().enumerate() {
            assert_eq!(get(&credential(&[(name, " v;=")])), Some(" v;="), "{what}: {name}");
            assert_eq!(get(&credential(&[(name, "")])), None, "{what}: a blank {name}");
            let later: Vec<_> = names[index..].iter().rev().map(|name| (*name, *name)).collect();
            assert_eq!(get(&credential(&later)), Some(*name), "{what}: the first name wins");
            let blank: Vec<_> = names[..index].iter().map(|name| (*name, "")).chain(later).collect();
            assert_eq!(get(&credential(&blank)), Some(*name), "{what}: blank ones are passed over");
        }
    }
}

#[test]
fn a_store_is_used_where_there_is_a_key_that_is_not_blank() {
    for (what, value, expected) in
        [("a key", Some("k"), true), ("a blank one", Some(""), false), ("a null", None, false)]
    {
        let credential = CredentialParams::from_tuples([("store_key", value)]);
        assert_eq!(credential.use_credential_store(), expected, "{what}");
    }
}

#[test]
fn credentials_win_over_credential_and_keep_their_order() {
    let rows: [(&str, Tuples, &[&str]); 5] = [
        ("nothing", &[], &[]),
        ("at the top", &[("username", "top")], &[]),
        ("one", &[("credential.username", "one")], &["username=one"]),
        (
            "several",
            &[("credentials.b.username", "first"), ("credentials.a.username", "second")],
            &["username=first", "username=second"],
        ),
        ("both", &[("credential.username", "one"), ("credentials.0.username", "first")], &["username=first"]),
    ];
    for (what, tuples, expected) in rows {
        let config = config(tuples);
        let credentials = CredentialParams::many_from_config(&config);
        let shown: Vec<_> = credentials.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected, "{what}");
        assert_eq!(CredentialParams::from_config(&config), credentials.into_iter().next(), "{what}");
    }
}

#[test]
fn a_credential_can_be_changed_and_keeps_keys_of_any_name() {
    let mut changed = credential(&[("username", "me"), ("realm", "r")]);
    changed.put("username", "you");
    assert_eq!(changed.as_config(), &config(&[("username", "you"), ("realm", "r")]));
    assert_eq!(ConfigParams::from(changed.clone()), *changed.as_config());
    assert_eq!(CredentialParams::from(config(&[("realm", "r")])), credential(&[("realm", "r")]));
}

fn resolver(tuples: &[(&str, &str)]) -> CredentialResolver {
    let resolver = CredentialResolver::new();
    resolver.configure(&config(tuples)).unwrap();
    resolver
}

/// References that hold a store of each configuration, the oldest first.
fn stores(configs: &[Tuples]) -> References {
    references(configs.iter().map(|tuples| {
        let store = MemoryCredentialStore::new();
        store.configure(&config(tuples)).unwrap();
        ("pip-services:credential-store:memory:default:1.0", Arc::new(store) as Arc<dyn Component>)
    }))
}

#[tokio::test]
async fn a_credential_is_looked_up_in_the_configuration_or_else_in_stores() {
    let rows: [(&str, Tuples, &[Tuples], Option<Tuples>); 9] = [
        ("none configured, no store", &[], &[], None),
        ("none configured", &[], &[&[("k.username", "me")]], None),
        (
            "a static one, no store",
            &[("credential.username", "me"), ("credential.password", "p")],
            &[],
            Some(&[("username", "me"), ("password", "p")]),
        ),
        (
            "a static one after one with a key",
            &[("credentials.0.store_key", "k"), ("credentials.1.username", "me")],
            &[&[("k.username", "you")]],
            Some(&[("username", "me")]),
        ),
        (
            "a blank key is no key",
            &[("credential.store_key", ""), ("credential.username", "me")],
            &[],
            Some(&[("store_key", ""), ("username", "me")]),
        ),
        (
            "what is stored goes over what is configured",
            &[("credential.store_key", "k"), ("credential.username", "me"), ("credential.password", "old")],
            &[&[("k.password", "new")]],
            Some(&[("store_key", "k"), ("username", "me"), ("password", "new")]),
        ),
        (
            "the newest store is asked first",
            &[("credential.store_key", "k")],
            &[&[("k.username", "old")], &[("k.username", "new")]],
            Some(&[("store_key", "k"), ("username", "new")]),
        ),
        (
            "the older one where the newest does not know",
            &[("credential.store_key", "k")],
            &[&[("k.username", "old")], &[]],
            Some(&[("store_key", "k"), ("username", "old")]),
        ),
        (
            "the first key that is known wins",
            &[("credentials.0.store_key", "unknown"), ("credentials.1.store_key", "k")],
            &[&[("k.username", "me")]],
            Some(&[("store_key", "k"), ("username", "me")]),
        ),
    ];
    for (what, tuples, known, expected) in rows {
        let resolver = resolver(tuples);
        resolver.set_references(&stores(known)).unwrap();
        let found = resolver.lookup(None).await.unwrap();
        assert_eq!(found, expected.map(credential), "{what}");
    }
}

#[tokio::test]
async fn a_key_that_leads_nowhere_is_an_error_that_names_it() {
    type Row = (&'static str, Tuples, Option<&'static [Tuples]>, &'static str, ErrorCategory, &'static str);
    const ONE: Tuples = &[("credential.store_key", "k"), ("credential.username", "me")];
    const TWO: Tuples = &[("credentials.0.store_key", "k"), ("credentials.1.store_key", "l")];
    let rows: [Row; 5] = [
        ("no references", ONE, None, "REF_ERROR", ErrorCategory::Internal, "k"),
        ("no store", ONE, Some(&[]), "REF_ERROR", ErrorCategory::Internal, "k"),
        ("not found", ONE, Some(&[&[]]), "MISSING_CREDENTIALS", ErrorCategory::Misconfiguration, "k"),
        ("two keys, no store", TWO, Some(&[]), "REF_ERROR", ErrorCategory::Internal, "k, l"),
        (
            "two keys, not found in two stores",
            TWO,
            Some(&[&[], &[("m.username", "me")]]),
            "MISSING_CREDENTIALS",
            ErrorCategory::Misconfiguration,
            "k, l",
        ),
    ];
    for (what, tuples, known, code, category, keys) in rows {
        let resolver = resolver(tuples);
        if let Some(known) = known {
            resolver.set_references(&stores(known)).unwrap();
        }
        let error = resolver.lookup(Some("c")).await.unwrap_err();
        assert_eq!((error.code(), error.category()), (code, &category), "{what}");
        assert_eq!((error.detail("store_key"), error.correlation_id()), (Some(keys), Some("c")), "{what}");
        assert!(error.message().starts_with(&format!("store_key is '{keys}'")), "{error}");
    }
}

#[tokio::test]
async fn a_new_configuration_replaces_the_credentials_and_those_added() {
    let resolver = resolver(&[]);
    resolver.add(credential(&[("username", "added")]));
    assert_eq!(resolver.lookup(None).await.unwrap(), Some(credential(&[("username", "added")])));
    resolver.configure(&config(&[("credential.username", "new")])).unwrap();
    assert_eq!(resolver.get_all(), [credential(&[("username", "new")])]);
}

#[tokio::test]
async fn the_credentials_of_another_resolver_are_looked_up_in_the_own_stores() {
    let own = resolver(&[("credential.username", "old")]);
    own.set_references(&stores(&[&[("k.username", "found")]])).unwrap();
    own.take(resolver(&[("credential.store_key", "k")]));
    let found = own.lookup(None).await.unwrap().unwrap();
    assert_eq!(found.get_username(), Some("found"));
}

#[tokio::test]
async fn unset_references_lets_go_of_every_store() {
    let references = stores(&[&[]]);
    let resolver = resolver(&[]);
    resolver.set_references(&references).unwrap();
    let store = references.get_all().remove(0);
    drop(references);
    assert_eq!(Arc::strong_count(&store), 2);
    resolver.unset_references();
    assert_eq!(Arc::strong_count(&store), 1);
}

#[tokio::test]
async fn each_section_of_a_memory_store_is_a_credential_whose_values_stay_as_they_are() {
    let rows: [(&str, Tuples, Option<Tuples>); 6] = [
        ("nothing", &[], None),
        ("a section", &[("k.username", "me")], Some(&[("username", "me")])),
        ("a password with semicolons", &[("k.password", "a;b=c;")], Some(&[("password", "a;b=c;")])),
        ("a password with space", &[("k.password", " p ")], Some(&[("password", " p ")])),
        ("another section", &[("l.username", "me")], None),
        ("a key without a section, such as a descriptor", &[("k", "a:b:c:d:1.0")], None),
    ];
    let store = MemoryCredentialStore::new();
    for (what, tuples, expected) in rows {
        store.configure(&config(tuples)).unwrap();
        assert_eq!(store.lookup(None, "k").await.unwrap(), expected.map(credential), "{what}");
    }
}

#[tokio::test]
async fn a_stored_credential_is_replaced_and_removed() {
    let store = MemoryCredentialStore::new();
    for (what, stored, expected) in [
        ("at first", Some("old"), Some("old")),
        ("replaced", Some("new"), Some("new")),
        ("removed", None, None),
        ("removed again", None, None),
    ] {
        let stored = stored.map(|name| credential(&[("username", name)]));
        store.store(None, "k", stored.as_ref()).await.unwrap();
        let found = store.lookup(None, "k").await.unwrap();
        assert_eq!(found.as_ref().and_then(CredentialParams::get_username), expected, "{what}");
    }
}
