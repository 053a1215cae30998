use std::sync::Arc;

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::{
        ApplicationError,
        ErrorCategory::{self, FileError, Internal, Misconfiguration},
    },
    refer::{IReferenceable, References},
};
use pip_services_components::{
    auth::{CredentialResolver, MemoryCredentialStore},
    build::{CompositeFactory, Factory, IFactory},
    config::{ConfigTemplate, JsonConfigReader, YamlConfigReader},
    connect::{ConnectionParams, ConnectionResolver, MemoryDiscovery},
    count::LogCounters,
    log::{ConsoleLogger, LogLevel},
};

use crate::support::{Folder, config, references};

/// What a resolver of credentials says where there is a key, and these references.
async fn lookup(references: &References) -> ApplicationError {
    let resolver = CredentialResolver::new();
    resolver.configure(&config(&[("credential.store_key", "k")])).unwrap();
    resolver.set_references(references).unwrap();
    resolver.lookup(None).await.unwrap_err()
}

async fn resolve() -> ApplicationError {
    let resolver = ConnectionResolver::new();
    resolver.configure(&config(&[("connection.discovery_key", "k")])).unwrap();
    resolver.resolve(None).await.unwrap_err()
}

fn render(template: &str) -> ApplicationError {
    ConfigTemplate::render(template, &ConfigParams::new()).unwrap_err()
}

fn configure(component: &dyn IConfigurable, key: &str, value: &str) -> ApplicationError {
    component.configure(&config(&[(key, value)])).unwrap_err()
}

#[tokio::test]
async fn each_mistake_has_a_code_a_category_and_a_status() {
    let folder = Folder::new();
    let none = ConfigParams::new();
    let missing = folder.path("missing");
    let broken = folder.file("broken", "[");
    let unknown = "g:t:k:n:1.0".parse().unwrap();
    let store = Arc::new(MemoryCredentialStore::new());
    let store = references([("pip-services:credential-store:memory:default:1.0", store as _)]);
    let rows: Vec<(&str, ApplicationError, &str, ErrorCategory)> = vec![
        ("no credential store", lookup(&References::new()).await, "REF_ERROR", Internal),
        ("an unknown credential", lookup(&store).await, "MISSING_CREDENTIALS", Misconfiguration),
        ("no discovery", resolve().await, "CANNOT_RESOLVE", Misconfiguration),
        ("a factory", Factory::new().create(&unknown).err().unwrap(), "CANNOT_CREATE", Internal),
        (
            "a composite factory",
            CompositeFactory::new().create(&unknown).err().unwrap(),
            "CANNOT_CREATE",
            Internal,
        ),
        (
            "JSON without a path",
            JsonConfigReader::read_config(None, "", &none).unwrap_err(),
            "NO_PATH",
            Misconfiguration,
        ),
        (
            "YAML without a path",
            YamlConfigReader::read_config(None, "", &none).unwrap_err(),
            "NO_PATH",
            Misconfiguration,
        ),
        (
            "JSON without a file",
            JsonConfigReader::read_config(None, &missing, &none).unwrap_err(),
            "READ_FAILED",
            FileError,
        ),
        (
            "YAML without a file",
            YamlConfigReader::read_config(None, &missing, &none).unwrap_err(),
            "READ_FAILED",
            FileError,
        ),
        (
            "malformed JSON",
            JsonConfigReader::read_config(None, &broken, &none).unwrap_err(),
            "READ_FAILED",
            FileError,
        ),
        (
            "malformed YAML",
            YamlConfigReader::read_config(None, &broken, &none).unwrap_err(),
            "READ_FAILED",
            FileError,
        ),
        ("a construct", render("{{>a}}"), "UNEXPECTED_SYMBOL", Misconfiguration),
        ("a section", render("{{#a}}"), "NOT_CLOSED_SECTION", Misconfiguration),
        ("a variable", render("{{a}}"), "UNDEFINED_VARIABLE", Misconfiguration),
        ("a level", "loud".parse::<LogLevel>().unwrap_err(), "BAD_VALUE", Misconfiguration),
        (
            "the level of a logger",
            configure(&ConsoleLogger::new(), "level", "loud"),
            "BAD_VALUE",
            Misconfiguration,
        ),
        (
            "the interval of counters",
            configure(&LogCounters::new(), "options.interval", "x"),
            "BAD_VALUE",
            Misconfiguration,
        ),
        (
            "a port",
            ConnectionParams::from_tuples([("port", "x")]).get_port().unwrap_err(),
            "BAD_VALUE",
            Misconfiguration,
        ),
        (
            "the port of a connection",
            configure(&ConnectionResolver::new(), "connection.port", "x"),
            "BAD_VALUE",
            Misconfiguration,
        ),
        (
            "the port of a discovery",
            configure(&MemoryDiscovery::new(), "k.port", "x"),
            "BAD_VALUE",
            Misconfiguration,
        ),
    ];
    for (what, error, code, category) in rows {
        assert_eq!(
            (error.code(), error.category(), error.status()),
            (code, &category, 500),
            "{what}: {error}"
        );
    }
}
