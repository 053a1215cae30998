use chrono::Utc;
use pip_services_commons::config::{ConfigParams, IConfigurable};
use pip_services_components::info::ContextInfo;

use crate::support::{Tuples, config};

#[test]
fn a_context_has_a_name_an_id_and_a_start_before_it_is_configured() {
    let before = Utc::now();
    let context = ContextInfo::default();
    assert_eq!((context.name().as_str(), context.description()), ("unknown", None));
    assert!(context.properties().is_empty());
    assert!(!context.context_id().is_empty());
    assert!(before <= context.start_time() && context.start_time() <= Utc::now());
    let uptime = context.uptime();
    assert!(uptime <= context.uptime());
}

#[test]
fn name_description_and_properties_are_configured() {
    let rows: [(&str, Tuples, &str, Option<&str>, Tuples); 8] = [
        ("nothing", &[], "unknown", None, &[]),
        ("a name", &[("name", "orders")], "orders", None, &[]),
        ("a blank name", &[("name", "")], "unknown", None, &[]),
        ("a description", &[("description", "of orders")], "unknown", Some("of orders"), &[]),
        ("the name of the info", &[("info.name", "orders")], "orders", None, &[]),
        (
            "that of the info wins",
            &[("name", "a"), ("info.name", "b"), ("info.description", "c"), ("description", "d")],
            "b",
            Some("c"),
            &[],
        ),
        ("not if it is blank", &[("name", "a"), ("info.name", "")], "a", None, &[]),
        (
            "properties",
            &[("properties.region", "eu"), ("properties.a.b", "1"), ("property", "x")],
            "unknown",
            None,
            &[("region", "eu"), ("a.b", "1")],
        ),
    ];
    for (what, tuples, name, description, properties) in rows {
        let context = ContextInfo::from_config(&config(tuples));
        assert_eq!(context.name(), name, "{what}");
        assert_eq!(context.description().as_deref(), description, "{what}");
        assert_eq!(context.properties(), config(properties), "{what}");
    }
}

#[test]
fn what_a_new_configuration_leaves_out_stays_except_for_properties() {
    let context = ContextInfo::from_config(&config(&[
        ("name", "orders"),
        ("description", "of orders"),
        ("properties.region", "eu"),
    ]));
    let (id, start) = (context.context_id().to_owned(), context.start_time());
    context.configure(&config(&[("name", ""), ("properties.zone", "1")])).unwrap();
    assert_eq!((context.name().as_str(), context.description().as_deref()), ("orders", Some("of orders")));
    assert_eq!(context.properties(), config(&[("zone", "1")]));
    context.configure(&ConfigParams::new()).unwrap();
    assert!(context.properties().is_empty());
    assert_eq!((context.context_id(), context.start_time()), (id.as_str(), start));
}
