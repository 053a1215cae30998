use std::env;

use pip_services_commons::{config::ConfigParams, errors::ApplicationError};
use pip_services_components::config::ConfigTemplate;

/// The parameters of a template: the environment's variables, and over them those of the arguments.
pub(crate) fn parameters(arguments: &[String]) -> Result<ConfigParams, ApplicationError> {
    // A variable that is no Unicode cannot be a parameter.
    let environment: ConfigParams = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut given = ConfigParams::new();
    for argument in arguments {
        match argument.split_once('=') {
            Some((key, value)) if !key.is_empty() => given.put(key, value),
            // Checked here and not by clap, which would show the value: it can be a secret.
            _ => {
                let error = ApplicationError::config(None, "BAD_PARAMETER", "--param must be KEY=VALUE");
                return Err(error.with_details("key", "--param"));
            }
        }
    }
    Ok(ConfigTemplate::override_parameters(&environment, &given))
}
