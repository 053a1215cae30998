//! Configuration files: JSON or YAML, with parameters filled in.
//!
//! A file is a [template](ConfigTemplate) first: what differs between the places where a service runs is
//! left to parameters. Then it is parsed, and last made flat as
//! [`ConfigParams`](pip_services_commons::config::ConfigParams).
//!
//! ```
//! use std::fs;
//! use pip_services_commons::config::ConfigParams;
//! use pip_services_components::config::YamlConfigReader;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("config.yml");
//! fs::write(&path, "connection:\n  host: {{HOST}}\n  port: {{#if PORT}}{{PORT}}{{else}}1883{{/if}}\n")?;
//!
//! let parameters = ConfigParams::from_tuples([("HOST", "10.0.0.1")]);
//! let config = YamlConfigReader::read_config(None, &path, &parameters)?;
//! assert_eq!(config.to_string(), "connection.host=10.0.0.1;connection.port=1883");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod factory;
mod file;
mod json;
mod json_config_reader;
mod memory_config_reader;
mod reader;
mod sections;
mod template;
mod yaml;
mod yaml_config_reader;

pub use factory::DefaultConfigReaderFactory;
pub use json_config_reader::JsonConfigReader;
pub use memory_config_reader::MemoryConfigReader;
pub use reader::IConfigReader;
pub(crate) use sections::{one_or_many, sections};
pub use template::ConfigTemplate;
pub use yaml_config_reader::YamlConfigReader;
