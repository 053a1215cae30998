//! Which parameters there are, so that one which is misspelt does not go unnoticed.

use pip_services_commons::config::{
    ConfigParams, misplaced_parameter, misspelt_parameter, unknown_parameter,
};

const CONNECTION_OPTIONS: &[&str] = &[
    "clean_session",
    "connect_timeout",
    "keepalive_timeout",
    "max_inflight",
    "max_reconnect",
    "max_reconnect_timeout",
    "mqtt_version",
    "reconnect_timeout",
    "retry_connect",
    "send_timeout",
    "session_expiry",
    "will_payload",
    "will_qos",
    "will_retain",
    "will_topic",
];

const QUEUE_OPTIONS: &[&str] = &[
    "ack",
    "autosubscribe",
    "concurrency",
    "content_type",
    "max_cache_size",
    "message_expiry",
    "publish_topic",
    "qos",
    "retain",
    "serialize_envelope",
    "shared_group",
];

const CONNECTION: &[&str] = &[
    "ca",
    "cert",
    "discovery_key",
    "host",
    "insecure",
    "ip",
    "key",
    "key_password",
    "port",
    "protocol",
    "server_name",
    "uri",
];

const CREDENTIAL: &[&str] = &["pass", "password", "store_key", "token", "user", "username"];

/// What else an entry of a container's file has for a connection. There can be more, for others to read.
const OF_CONNECTION: &[&str] =
    &["client_id", "connection", "connections", "credential", "credentials", "options"];

const OF_QUEUE: &[&str] = &["dependencies", "queue", "topic"];

/// What a connection has to say about its parameters.
pub(crate) fn of_connection(config: &ConfigParams) -> Vec<String> {
    let mut warnings = of_values(config);
    for key in config.keys() {
        if let Some(option) = key.strip_prefix("options.")
            && QUEUE_OPTIONS.contains(&option)
        {
            warnings.push(format!("{key} has no effect here; it is a parameter of queues"));
            continue;
        }
        add(&mut warnings, unknown(key, &[CONNECTION_OPTIONS], &[OF_CONNECTION]));
    }
    warnings
}

/// What a queue has to say about its parameters, which are also those of a connection of its own.
pub(crate) fn of_queue(config: &ConfigParams) -> Vec<String> {
    let mut warnings = of_values(config);
    let options = [CONNECTION_OPTIONS, QUEUE_OPTIONS];
    for key in config.keys() {
        add(&mut warnings, unknown(key, &options, &[OF_CONNECTION, OF_QUEUE]));
    }
    warnings
}

/// Adds a warning, once for all parameters of a section that is misspelt.
fn add(warnings: &mut Vec<String>, warning: Option<String>) {
    warnings.extend(warning.filter(|warning| !warnings.contains(warning)));
}

/// What a queue on a shared connection has to say about those of its parameters that only connections have.
pub(crate) fn of_queue_on_shared(config: &ConfigParams) -> Option<String> {
    let is_ignored = |key: &&str| match key.split_once('.') {
        Some(("options", option)) => CONNECTION_OPTIONS.contains(&option),
        Some((section, _)) => ["connection", "connections", "credential", "credentials"].contains(&section),
        None => *key == "client_id",
    };
    let ignored: Vec<&str> = config.keys().filter(is_ignored).collect();
    (!ignored.is_empty()).then(|| {
        let keys = ignored.join(", ");
        format!(
            "no effect here, as the queue is on a shared connection, which has its own parameters: {keys}"
        )
    })
}

/// About parameters that are known, but not in use.
fn of_values(config: &ConfigParams) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.get_as_nullable_string("options.max_reconnect").is_some() {
        let instead = match config.get_as_nullable_string("options.connect_timeout") {
            Some(_) => "that one counts, which is set as well",
            None => "use that one",
        };
        warnings.push(format!("options.max_reconnect is the old name of options.connect_timeout; {instead}"));
    }
    let token = |key: &&str| key.starts_with("credential") && key.ends_with(".token");
    if let Some(key) = config.keys().find(token) {
        warnings.push(format!("{key} is ignored: MQTT has a user name and a password, and no token"));
    }
    warnings
}

/// The warning about a key that is unknown.
///
/// Under the sections that are all this crate's, whatever is not known is one. Elsewhere others may have their
/// parameters, so only what looks like a known one is.
fn unknown(key: &str, options: &[&[&'static str]], top: &[&[&'static str]]) -> Option<String> {
    let (section, rest) = key.split_once('.').unwrap_or((key, ""));
    match section {
        "options" => unknown_parameter("options.", rest, options.concat()),
        "connection" => unknown_parameter("connection.", rest, CONNECTION.iter().copied()),
        "credential" => unknown_parameter("credential.", rest, CREDENTIAL.iter().copied()),
        "connections" | "credentials" => {
            let (_, name) = rest.split_once('.')?;
            let known = if section == "connections" { CONNECTION } else { CREDENTIAL };
            unknown_parameter(&key[..key.len() - name.len()], name, known.iter().copied())
        }
        "dependencies" => misspelt_parameter("dependencies.", rest, ["connection"]),
        section => misplaced_parameter("options.", key, options.concat())
            .or_else(|| misspelt_parameter("", section, top.concat())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(keys: &[&str]) -> ConfigParams {
        ConfigParams::from_tuples(keys.iter().map(|key| (*key, "hunter2")))
    }

    #[test]
    fn every_parameter_of_a_queue_is_known() {
        let queue = [
            "descriptor",
            "name",
            "id",
            "type",
            "class",
            "queue",
            "topic",
            "client_id",
            "connection.host",
            "connection.port",
            "connection.protocol",
            "connection.uri",
            "connection.discovery_key",
            "connections.a.host",
            "connections.b.uri",
            "credential.username",
            "credential.password",
            "credential.store_key",
            "credentials.a.username",
            "dependencies.connection",
            "dependencies.other",
            "options.autosubscribe",
            "options.max_cache_size",
            "options.concurrency",
            "anything.else",
            "parameters.topic",
        ];
        let mut keys: Vec<String> = queue.iter().map(|key| key.to_string()).collect();
        let options = CONNECTION_OPTIONS.iter().chain(QUEUE_OPTIONS);
        keys.extend(options.filter(|option| **option != "max_reconnect").map(|o| format!("options.{o}")));
        let config = ConfigParams::from_tuples(keys.into_iter().map(|key| (key, "1")));
        assert_eq!(of_queue(&config), Vec::<String>::new());
    }

    #[test]
    fn an_unknown_parameter_is_told_with_the_nearest_one_and_without_its_value() {
        let cases = [
            ("options.qso", "options.qos"),
            ("options.keepalive", "options.keepalive_timeout"),
            ("options.autosubcribe", "options.autosubscribe"),
            ("connection.hots", "connection.host"),
            ("connection.ports", "connection.port"),
            ("connections.1.hos", "connections.1.host"),
            ("credential.pasword", "credential.password"),
            ("credentials.x.usrname", "credentials.x.username"),
            ("dependencies.conection", "dependencies.connection"),
            ("topc", "topic"),
            ("conection.host", "connection"),
            ("option.qos", "options"),
            ("clientid", "client_id"),
        ];
        for (key, near) in cases {
            let warnings = of_queue(&config(&[key]));
            assert_eq!(warnings.len(), 1, "{key}: {warnings:?}");
            let told = &warnings[0];
            assert!(told.contains(key.split('.').next().unwrap_or(key)), "{told}");
            assert!(told.ends_with(&format!("the nearest one is {near}")), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn an_option_beside_the_section_of_options_is_told_where_it_is_one_of_the_component() {
        let told = |keys: &[&str]| of_queue(&config(keys));
        assert_eq!(told(&["qos"]), [r#"unknown parameter "qos"; is options.qos meant?"#]);
        assert_eq!(told(&["keepalive_timeout"]).len(), 1);
        assert_eq!(told(&["colour", "qos.of"]), Vec::<String>::new());
        let told = of_connection(&config(&["keepalive_timeout", "qos"]));
        assert_eq!(told, [r#"unknown parameter "keepalive_timeout"; is options.keepalive_timeout meant?"#]);
    }

    #[test]
    fn a_misspelt_section_is_told_once() {
        let keys = ["conection.host", "conection.port", "topc", "conection.protocol"];
        assert_eq!(of_queue(&config(&keys)).len(), 2, "{:?}", of_queue(&config(&keys)));
        assert_eq!(of_connection(&config(&keys[..2])).len(), 1);
    }

    #[test]
    fn a_shared_connection_says_that_options_of_queues_belong_elsewhere() {
        let warnings = of_connection(&config(&["options.qos", "connection.host", "options.conect_timeout"]));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].starts_with("options.qos has no effect here"), "{warnings:?}");
        assert!(warnings[1].contains("options.connect_timeout"), "{warnings:?}");
    }

    #[test]
    fn a_queue_on_a_shared_connection_names_the_parameters_that_only_connections_have() {
        let own =
            ["name", "topic", "options.qos", "options.autosubscribe", "dependencies.connection", "level"];
        assert_eq!(of_queue_on_shared(&config(&own)), None);
        let ignored = ["options.keepalive_timeout", "client_id", "credential.password", "connections.a.host"];
        let told = of_queue_on_shared(&config(&[&own[..], &ignored[..]].concat())).unwrap();
        assert!(told.ends_with(&format!(": {}", ignored.join(", "))), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn old_and_ignored_parameters_are_told() {
        let old = of_connection(&config(&["options.max_reconnect"]));
        assert!(old.len() == 1 && old[0].contains("options.connect_timeout; use that one"), "{old:?}");
        let both = of_connection(&config(&["options.max_reconnect", "options.connect_timeout"]));
        assert!(both.len() == 1 && both[0].contains("that one counts"), "{both:?}");
        for key in ["credential.token", "credentials.a.token"] {
            let token = of_queue(&config(&[key]));
            assert!(token.len() == 1 && token[0].starts_with(key), "{token:?}");
            assert!(!token[0].contains("hunter2"), "{token:?}");
        }
    }
}
