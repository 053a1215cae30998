use pip_services_commons::config::{ConfigParams, IntoConfigValue};

/// What a [`Fixture`](super::Fixture) is told about the queue that it shall make.
#[derive(Debug, Clone)]
pub struct QueueContext {
    queue_name: String,
    config: ConfigParams,
}

impl QueueContext {
    pub(super) fn new(queue_name: String, config: ConfigParams) -> Self {
        Self { queue_name, config }
    }

    /// The name for the queue. It is unique to the case and the run; the instances of one queue share it.
    pub fn queue_name(&self) -> &str {
        &self.queue_name
    }

    /// The given parameters, and over them those that the case needs.
    ///
    /// One case sets `topic`, the destination at the broker, to another name than the queue has. A queue
    /// without that parameter has nothing to do.
    pub fn config<K: Into<String>, V: IntoConfigValue>(
        &self,
        tuples: impl IntoIterator<Item = (K, V)>,
    ) -> ConfigParams {
        ConfigParams::from_tuples(tuples).override_with(&self.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_the_case_win() {
        let context = QueueContext::new("q".into(), ConfigParams::from_tuples([("topic", "t")]));
        let config = context.config([("topic", "mine"), ("connection.port", "1883")]);
        assert_eq!(config.to_string(), "topic=t;connection.port=1883");
    }
}
