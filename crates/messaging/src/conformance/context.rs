use std::{fmt, sync::Arc};

use pip_services_commons::{
    config::{ConfigParams, IntoConfigValue},
    refer::References,
};

use super::observer::Observer;

/// What a [`Fixture`](super::Fixture) is told about the queue that it shall make.
#[derive(Clone)]
pub struct QueueContext {
    queue_name: String,
    instance: usize,
    breaks_broker: bool,
    config: ConfigParams,
    observer: Arc<Observer>,
}

impl QueueContext {
    pub(super) fn new(
        queue_name: String,
        instance: usize,
        breaks_broker: bool,
        config: ConfigParams,
        observer: Arc<Observer>,
    ) -> Self {
        Self { queue_name, instance, breaks_broker, config, observer }
    }

    /// The name for the queue. It is unique to the case and the run; the instances of one queue share it.
    pub fn queue_name(&self) -> &str {
        &self.queue_name
    }

    /// Which instance of the queue of that name this is, from 0 on: for what instances cannot share, such as
    /// the id of a client.
    pub fn instance(&self) -> usize {
        self.instance
    }

    /// Whether the case does something to the broker, which must then not be one that other cases use. As these cases
    /// run one at a time, they can share one.
    pub fn breaks_broker(&self) -> bool {
        self.breaks_broker
    }

    /// The parameters that the case needs, for the queue's `configure`:
    ///
    /// * `topic`: the destination at the broker, where it differs from the queue's name;
    /// * `options.lock_timeout`: [`Profile::lock_time`](super::Profile::lock_time) in milliseconds, in cases that
    ///   wait for the end of a lock.
    ///
    /// A queue that has no such parameter has nothing to do.
    pub fn parameters(&self) -> &ConfigParams {
        &self.config
    }

    /// The given parameters, and over them [those](Self::parameters) that the case needs.
    pub fn config<K: Into<String>, V: IntoConfigValue>(
        &self,
        tuples: impl IntoIterator<Item = (K, V)>,
    ) -> ConfigParams {
        ConfigParams::from_tuples(tuples).override_with(&self.config)
    }

    /// References with a logger and counters, by which the suite sees what the queue logs and counts.
    ///
    /// ```
    /// use pip_services_commons::refer::IReferenceable;
    /// use pip_services_messaging::{MemoryMessageQueue, conformance::Fixture};
    ///
    /// let fixture = Fixture::new(|cx| async move {
    ///     let queue = MemoryMessageQueue::new(cx.queue_name());
    ///     queue.set_references(&cx.references())?;
    ///     Ok(queue)
    /// });
    /// ```
    pub fn references(&self) -> References {
        self.observer.references()
    }
}

impl fmt::Debug for QueueContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueContext")
            .field("queue_name", &self.queue_name)
            .field("instance", &self.instance)
            .field("breaks_broker", &self.breaks_broker)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_the_case_win() {
        let config = ConfigParams::from_tuples([("topic", "t")]);
        let context = QueueContext::new("q".into(), 0, false, config, Arc::default());
        let config = context.config([("topic", "mine"), ("connection.port", "1883")]);
        assert_eq!(config.to_string(), "topic=t;connection.port=1883");
    }
}
