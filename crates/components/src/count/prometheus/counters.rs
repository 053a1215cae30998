use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{Descriptor, IReferenceable, IReferences, IUnreferenceable, ReferencesExt},
    run::{IClosable, IOpenable},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::sync::Mutex as AsyncMutex;

use super::{
    listener::{check_protocol, listen},
    metric::Measurement,
    metrics::Metrics,
    server::serve,
};
use crate::{
    background::Background,
    connect::{ConnectionParams, ConnectionResolver},
    count::{CounterTiming, ICounters},
    info::ContextInfo,
    log::{CompositeLogger, ILogger},
};

/// Counters that Prometheus scrapes; ports `PrometheusCounters`, with the `/metrics` of
/// `PrometheusMetricsService` in it. Feature `prometheus`.
///
/// While they are open, they answer `GET /metrics` in the text form of OpenMetrics 1.0. They count whether they
/// are open or not, and what was counted stays.
///
/// | counter | metrics of `orders.size` |
/// |---|---|
/// | increment | the counter `orders_size_total` |
/// | last | the gauge `orders_size` |
/// | stats | the gauges `orders_size_min`, `…_max`, `…_average` and `…_count` |
/// | timestamp | the gauge `orders_size_timestamp_seconds`, in seconds since 1970 |
/// | timing | the histogram `orders_size_seconds`, with buckets from 5 ms to 10 s |
///
/// Other ports make gauges of increments, leave timestamps out, and show timings as stats in milliseconds.
///
/// Names become lowercase, and all but letters and digits of ASCII becomes `_`. As in other ports, some parts of
/// known names become labels: `queue.<queue>.<event>` is `queue_<event>` (there, of three events only),
/// `<service>.<command>.exec_time` is `exec_time`, and `<target>.<service>.<command>.call_time` is `call_time`, as
/// are `exec_count`, `call_count`, `exec_errors` and `call_errors`.
///
/// Each metric has the labels `source` and `instance`, where there are such. Prometheus has an `instance` of its
/// own, and renames this one to `exported_instance` unless it is told to honor labels.
///
/// What Prometheus could not understand is ignored, with a warning the first time for each counter: measurements
/// of a second type under a name, or under another name that would become the same metric, and negative
/// increments.
///
/// | key | default | meaning |
/// |---|---|---|
/// | `connection.port` | | where to listen; 0 is any that is free |
/// | `connection.host` | `0.0.0.0` | the address to listen at |
/// | `connection.protocol` | `http` | there is no other |
/// | `source` | the name of the context info | a label |
/// | `instance` | the id of the context info | a label |
///
/// References, all optional: `*:context-info:*:*:1.0`; `*:logger:*:*:*`; `*:discovery:*:*:*`, for a connection
/// with a `discovery_key`.
///
/// ```
/// use pip_services_commons::{config::{ConfigParams, IConfigurable}, run::{IClosable, IOpenable}};
/// use pip_services_components::count::{ICounters, PrometheusCounters};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let counters = PrometheusCounters::new();
/// counters.configure(&ConfigParams::from_tuples([
///     ("connection.host", "127.0.0.1"),
///     ("connection.port", "0"),
///     ("source", "shop"),
/// ]))?;
/// counters.open(None).await?;
/// println!("http://{}/metrics", counters.local_addr().unwrap());
///
/// counters.increment("queue.orders.sent_messages", 5);
/// assert!(counters.to_text().contains(r#"queue_sent_messages_total{source="shop",queue="orders"} 5"#));
/// counters.close(None).await?;
/// # Ok(()) }
/// ```
pub struct PrometheusCounters {
    /// Shared with timings that are under way, and the server.
    shared: Arc<Shared>,
    resolver: ConnectionResolver,
    server: AsyncMutex<Option<Background>>,
    /// Where the server listens. There is one while the component is open.
    address: ArcSwapOption<SocketAddr>,
}
component!(
    PrometheusCounters: dyn ICounters,
    dyn IConfigurable,
    dyn IReferenceable,
    dyn IUnreferenceable,
    dyn IOpenable,
    dyn IClosable
);

#[derive(Default)]
struct Shared {
    metrics: Arc<Metrics>,
    logger: CompositeLogger,
    labels: Mutex<Labels>,
}

#[derive(Default)]
struct Labels {
    source: Option<String>,
    instance: Option<String>,
    context: Option<Arc<ContextInfo>>,
}

impl PrometheusCounters {
    /// Counters that are not open.
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
            resolver: ConnectionResolver::new(),
            server: AsyncMutex::default(),
            address: ArcSwapOption::empty(),
        }
    }

    /// Where the counters listen, while they are open.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.address.load().as_deref().copied()
    }

    /// What Prometheus would read now, open or not, for a program with an HTTP server of its own.
    pub fn to_text(&self) -> String {
        self.shared.to_text()
    }
}

impl Default for PrometheusCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl IConfigurable for PrometheusCounters {
    /// Takes `source` and `instance`, where they are given, and the connection, for the next `open`.
    ///
    /// # Errors
    /// `UNSUPPORTED_PROTOCOL` or, for the port, `BAD_VALUE` (Misconfiguration), with the detail `key`; then nothing
    /// is changed.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        for (section, connection) in ConnectionParams::named_from_config(config) {
            check_protocol(&connection, &section)?;
        }
        self.resolver.configure(config)?;
        let mut labels = self.shared.labels();
        if let Some(source) = config.get_as_nullable_string("source") {
            labels.source = Some(source);
        }
        if let Some(instance) = config.get_as_nullable_string("instance") {
            labels.instance = Some(instance);
        }
        Ok(())
    }
}

impl IReferenceable for PrometheusCounters {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.resolver.set_references(references)?;
        self.shared.logger.set_references(references)?;
        let locator = Descriptor::new("*", "context-info", "*", "*", "1.0");
        self.shared.labels().context = references.get_one_optional(&locator);
        Ok(())
    }
}

impl IUnreferenceable for PrometheusCounters {
    fn unset_references(&self) {
        self.resolver.unset_references();
        self.shared.logger.unset_references();
        self.shared.labels().context = None;
    }
}

#[async_trait]
impl IClosable for PrometheusCounters {
    /// Listens no more. An answer that is under way has a second to end. It does not fail.
    async fn close(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut server = self.server.lock().await;
        self.address.store(None);
        if let Some(server) = server.take() {
            server.stop().await;
        }
        Ok(())
    }
}

#[async_trait]
impl IOpenable for PrometheusCounters {
    fn is_open(&self) -> bool {
        self.address.load().is_some()
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// `NO_CONNECTION` or `NO_PORT` (Misconfiguration); those of `configure`, for a connection that discovery gave;
    /// `CANNOT_CONNECT` (NoResponse) where the port is in use, or the host is no address of this machine. Each has
    /// the detail `key`. Otherwise those of the discovery.
    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let mut server = self.server.lock().await;
        if server.is_some() {
            return Ok(());
        }
        let listener = listen(&self.resolver, correlation_id).await?;
        let address = listener.local_addr().map_err(|error| {
            ApplicationError::internal(correlation_id, "CANNOT_CONNECT", "the address is unknown")
                .with_cause(error)
        })?;
        let shared = self.shared.clone();
        let text = Arc::new(move || shared.to_text());
        *server = Some(Background::spawn(|closed| serve(listener, text, closed)));
        self.address.store(Some(Arc::new(address)));
        self.shared.logger.debug(correlation_id, format_args!("Metrics are at http://{address}/metrics"));
        Ok(())
    }
}

impl ICounters for PrometheusCounters {
    fn begin_timing(&self, name: &str) -> CounterTiming {
        let (shared, name) = (self.shared.clone(), name.to_owned());
        CounterTiming::new(move |elapsed| shared.measure(&name, Measurement::Time(elapsed)))
    }

    fn stats(&self, name: &str, value: f64) {
        self.shared.measure(name, Measurement::Value(value));
    }

    fn last(&self, name: &str, value: f64) {
        self.shared.measure(name, Measurement::Last(value));
    }

    fn timestamp(&self, name: &str, value: DateTime<Utc>) {
        self.shared.measure(name, Measurement::Moment(value));
    }

    fn increment(&self, name: &str, value: i64) {
        self.shared.measure(name, Measurement::Add(value));
    }
}

impl Shared {
    fn measure(&self, name: &str, measurement: Measurement) {
        let counter_type = measurement.counter_type();
        if name.is_empty() {
            let message = format_args!("A measurement of type {counter_type} without a name is ignored");
            return self.logger.debug(None, message);
        }
        if let Err(refusal) = self.metrics.measure(name, measurement) {
            let message =
                format_args!("Measurements of counter {name} as {counter_type} are ignored: {refusal}");
            self.logger.warn(None, message);
        }
    }

    fn to_text(&self) -> String {
        let labels = {
            let Labels { source, instance, context } = &*self.labels();
            let context = context.as_ref();
            let source = source.clone().or_else(|| context.map(|context| context.name()));
            let instance =
                instance.clone().or_else(|| context.map(|context| context.context_id().to_owned()));
            [("source", source), ("instance", instance)]
        };
        let labels = labels.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into())));
        let mut registry = Registry::with_labels(labels);
        registry.register_collector(Box::new(self.metrics.clone()));
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &registry);
        text
    }

    fn labels(&self) -> MutexGuard<'_, Labels> {
        self.labels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
