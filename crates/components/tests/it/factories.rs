use std::{error::Error, sync::Arc};

use pip_services_commons::{
    component,
    errors::{ApplicationError, ErrorCategory},
    refer::{Component, Descriptor, cast},
};
#[cfg(feature = "prometheus")]
use pip_services_components::count::DefaultPrometheusFactory;
use pip_services_components::{
    auth::DefaultCredentialStoreFactory,
    build::{CompositeFactory, Factory, IFactory},
    config::DefaultConfigReaderFactory,
    connect::DefaultDiscoveryFactory,
    count::DefaultCountersFactory,
    info::DefaultInfoFactory,
    log::DefaultLoggerFactory,
};

use crate::support::Tuples;

fn locator(text: &str) -> Descriptor {
    text.parse().unwrap()
}

fn code(factory: &dyn IFactory, text: &str) -> Option<String> {
    factory.create(&locator(text)).err().map(|error| error.code().to_owned())
}

/// A default factory, its type, and the kinds that it makes with the components that they are.
type DefaultFactory = (Box<dyn IFactory>, &'static str, Tuples);

fn default_factories() -> Vec<DefaultFactory> {
    vec![
        (
            Box::new(DefaultLoggerFactory::new()),
            "logger",
            &[
                ("null", "NullLogger"),
                ("console", "ConsoleLogger"),
                ("composite", "CompositeLogger"),
                ("log", "FacadeLogger"),
            ],
        ),
        (
            Box::new(DefaultCountersFactory::new()),
            "counters",
            &[("null", "NullCounters"), ("log", "LogCounters"), ("composite", "CompositeCounters")],
        ),
        #[cfg(feature = "prometheus")]
        (Box::new(DefaultPrometheusFactory::new()), "counters", &[("prometheus", "PrometheusCounters")]),
        (Box::new(DefaultDiscoveryFactory::new()), "discovery", &[("memory", "MemoryDiscovery")]),
        (
            Box::new(DefaultCredentialStoreFactory::new()),
            "credential-store",
            &[("memory", "MemoryCredentialStore")],
        ),
        (Box::new(DefaultInfoFactory::new()), "context-info", &[("default", "ContextInfo")]),
        (Box::new(DefaultInfoFactory::new()), "container-info", &[("default", "ContextInfo")]),
        (
            Box::new(DefaultConfigReaderFactory::new()),
            "config-reader",
            &[("memory", "MemoryConfigReader"), ("json", "JsonConfigReader"), ("yaml", "YamlConfigReader")],
        ),
    ]
}

#[test]
fn each_default_factory_makes_the_components_of_its_area_under_any_name() {
    for (factory, component_type, kinds) in default_factories() {
        for (kind, expected) in kinds {
            for name in ["default", "main"] {
                let asked = format!("pip-services:{component_type}:{kind}:{name}:1.0");
                let component = factory.create(&locator(&asked)).unwrap();
                let made = component.type_name();
                assert!(made.ends_with(&format!("::{expected}")), "{asked} is {made}");
                let registered = format!("pip-services:{component_type}:{kind}:*:1.0");
                assert_eq!(factory.can_create(&locator(&asked)), Some(locator(&registered)));
            }
        }
    }
}

#[test]
fn a_default_factory_makes_nothing_of_another_group_type_kind_or_version() {
    for (factory, component_type, kinds) in default_factories() {
        let (kind, _) = kinds[0];
        for (what, asked) in [
            ("group", format!("other:{component_type}:{kind}:main:1.0")),
            ("type", format!("pip-services:other:{kind}:main:1.0")),
            ("kind", format!("pip-services:{component_type}:other:main:1.0")),
            ("version", format!("pip-services:{component_type}:{kind}:main:2.0")),
        ] {
            assert_eq!(factory.can_create(&locator(&asked)), None, "{what}: {asked}");
            assert_eq!(code(&*factory, &asked).as_deref(), Some("CANNOT_CREATE"), "{what}: {asked}");
        }
    }
}

#[test]
fn each_component_is_a_new_one() {
    for (factory, component_type, kinds) in default_factories() {
        let asked = locator(&format!("pip-services:{component_type}:{}:main:1.0", kinds[0].0));
        let [one, other] = [(); 2].map(|()| factory.create(&asked).unwrap());
        // Those without any state share an address.
        if size_of_val(&*one) > 0 {
            assert!(!Arc::ptr_eq(&one, &other), "{asked}");
        }
    }
}

struct Made(&'static str);
component!(Made);

fn made(factory: &dyn IFactory, asked: &str) -> Option<&'static str> {
    let component: Arc<dyn Component> = factory.create(&locator(asked)).ok()?;
    Some(cast::<Made>(&component).unwrap().0)
}

/// A factory of components which are called by the last part of each row.
fn factory_of(rows: &[(&str, &'static str)]) -> Factory {
    let mut factory = Factory::new();
    for (registered, name) in rows {
        let name = *name;
        factory.register(locator(registered), move |_| Ok(Arc::new(Made(name))));
    }
    factory
}

#[test]
fn the_first_registration_that_matches_makes_the_component() {
    let factory = factory_of(&[
        ("g:a:k:*:1.0", "a"),
        ("g:b:k:*:1.0", "b"),
        ("g:b:k:late:1.0", "late"),
        ("g:c:k:one:1.0", "one"),
    ]);
    for (what, asked, registered, expected) in [
        ("any name", "g:a:k:x:1.0", Some("g:a:k:*:1.0"), Some("a")),
        ("the earlier of two", "g:b:k:late:1.0", Some("g:b:k:*:1.0"), Some("b")),
        ("one name", "g:c:k:one:1.0", Some("g:c:k:one:1.0"), Some("one")),
        ("another name", "g:c:k:two:1.0", None, None),
        ("another type", "g:d:k:x:1.0", None, None),
        ("another version", "g:a:k:x:2.0", None, None),
        ("a group alone", "g:*:*:*:*", Some("g:a:k:*:1.0"), Some("a")),
        ("a type alone", "*:b:*:*:*", Some("g:b:k:*:1.0"), Some("b")),
        ("neither group nor type", "*:*:k:x:1.0", None, None),
        ("nothing at all", "*:*:*:*:*", None, None),
    ] {
        assert_eq!(factory.can_create(&locator(asked)), registered.map(locator), "{what}");
        assert_eq!(made(&factory, asked), expected, "{what}");
    }
}

#[test]
fn what_no_factory_makes_is_an_error_that_names_it() {
    let factory = factory_of(&[("g:a:k:*:1.0", "a")]);
    let composite = CompositeFactory::new();
    composite.add(Arc::new(factory_of(&[("g:a:k:*:1.0", "a")])));
    let makers: [(&str, &dyn IFactory); 2] = [("factory", &factory), ("composite", &composite)];
    for (what, asked, why) in [
        ("not registered", "g:c:k:x:1.0", "no factory makes it"),
        ("too vague", "*:*:k:x:1.0", "its group or its type must be given"),
    ] {
        for (maker, factory) in makers {
            let error = factory.create(&locator(asked)).err().unwrap();
            assert_eq!(error.code(), "CANNOT_CREATE", "{maker}: {what}");
            assert_eq!(error.category(), &ErrorCategory::Internal, "{maker}: {what}");
            assert_eq!(error.detail("locator"), Some(asked), "{maker}: {what}");
            assert_eq!(error.message(), format!("cannot create {asked}: {why}"), "{maker}");
        }
    }
}

#[test]
fn a_constructor_is_given_what_was_asked_for() {
    struct Named(Option<String>);
    component!(Named);
    let mut factory = Factory::new();
    factory.register(locator("g:a:*:*:1.0"), |asked| Ok(Arc::new(Named(asked.name().map(str::to_owned)))));
    let component = factory.create(&locator("g:a:k:orders:1.0")).unwrap();
    assert_eq!(cast::<Named>(&component).unwrap().0.as_deref(), Some("orders"));
}

#[test]
fn a_failed_constructor_is_the_cause_and_gives_its_category() {
    let mut factory = Factory::new();
    factory.register(locator("g:bad:k:*:1.0"), |_| {
        Err(ApplicationError::config(Some("c"), "BAD_VALUE", "no").with_status(418))
    });
    factory.register(locator("g:outer:k:*:1.0"), |_| Factory::new().create(&locator("g:inner:k:x:1.0")));
    let factory = Arc::new(factory);
    let composite = CompositeFactory::new();
    composite.add(factory.clone());
    let makers: [(&str, &dyn IFactory); 2] = [("factory", &*factory), ("composite", &composite)];
    for (maker, factory) in makers {
        let error = factory.create(&locator("g:bad:k:x:1.0")).err().unwrap();
        assert_eq!((error.code(), error.message()), ("CANNOT_CREATE", "cannot create g:bad:k:x:1.0"));
        assert_eq!(error.category(), &ErrorCategory::Misconfiguration, "{maker}");
        assert_eq!((error.status(), error.correlation_id()), (418, Some("c")), "{maker}");
        assert_eq!(error.source().unwrap().to_string(), "no", "{maker}");
        assert_eq!(error.detail("locator"), Some("g:bad:k:x:1.0"), "{maker}");

        let error = factory.create(&locator("g:outer:k:x:1.0")).err().unwrap();
        assert_eq!(error.detail("locator"), Some("g:inner:k:x:1.0"), "{maker}: it already tells what");
        assert!(error.source().is_none(), "{maker}");
    }
}

#[test]
fn a_composite_asks_the_newest_factory_first_and_those_that_were_removed_no_more() {
    let old: Arc<dyn IFactory> = Arc::new(factory_of(&[("g:a:k:*:1.0", "old a"), ("g:b:k:*:1.0", "old b")]));
    let new: Arc<dyn IFactory> = Arc::new(factory_of(&[("g:a:k:*:1.0", "new a")]));
    let composite = CompositeFactory::new();
    type Step<'a> = (&'a str, Box<dyn Fn() -> bool + 'a>, bool, Option<&'a str>, Option<&'a str>);
    let add = |factory: &Arc<dyn IFactory>| {
        composite.add(factory.clone());
        true
    };
    let steps: [Step<'_>; 6] = [
        ("empty", Box::new(|| true), true, None, None),
        ("one", Box::new(|| add(&old)), true, Some("old a"), Some("old b")),
        ("two", Box::new(|| add(&new)), true, Some("new a"), Some("old b")),
        ("the newest removed", Box::new(|| composite.remove(&new)), true, Some("old a"), Some("old b")),
        ("one that is not there", Box::new(|| composite.remove(&new)), false, Some("old a"), Some("old b")),
        ("the last removed", Box::new(|| composite.remove(&old)), true, None, None),
    ];
    for (what, step, expected, a, b) in steps {
        assert_eq!(step(), expected, "{what}");
        assert_eq!((made(&composite, "g:a:k:x:1.0"), made(&composite, "g:b:k:x:1.0")), (a, b), "{what}");
        let registered = a.map(|_| locator("g:a:k:*:1.0"));
        assert_eq!(composite.can_create(&locator("g:a:k:x:1.0")), registered, "{what}");
    }
}
