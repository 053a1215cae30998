//! The variants of the MQTT queue that the conformance suite runs on.

use std::{
    net::TcpListener,
    sync::{Arc, LazyLock},
};

use async_trait::async_trait;
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::IReferenceable,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, MessageEnvelope,
    conformance::{
        Content, Delivery, FaultError, FaultInjector, Fixture, OpenFailure, Profile, QueueContext, Sharing,
    },
};
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{BrokerError, Engine, Proxy, TestBroker};

// The cases use topics of their own, so that they can share a broker.
static EMBEDDED: LazyLock<TestBroker> = LazyLock::new(|| TestBroker::start(Engine::Embedded).unwrap());
static MOSQUITTO: LazyLock<TestBroker> = LazyLock::new(|| TestBroker::start(Engine::Mosquitto).unwrap());

// Those that break the broker run one at a time.
static BREAKABLE_EMBEDDED: LazyLock<Breakable> = LazyLock::new(|| Breakable::start(Engine::Embedded));
static BREAKABLE_MOSQUITTO: LazyLock<Breakable> = LazyLock::new(|| Breakable::start(Engine::Mosquitto));

/// A broker that forgets nothing, behind a network that can be cut.
struct Breakable {
    broker: TestBroker,
    proxy: Proxy,
}

impl Breakable {
    fn start(engine: Engine) -> Self {
        let broker = TestBroker::builder(engine).persistent().start().unwrap();
        let proxy = Proxy::to(broker.address().parse().unwrap()).unwrap();
        Self { broker, proxy }
    }
}

/// A queue of one variant.
#[derive(Clone, Copy)]
struct Variant {
    engine: Engine,
    qos: u8,
    serialize_envelope: bool,
    keeps_session: bool,
    version_5: bool,
}

impl Variant {
    const fn new(engine: Engine, qos: u8) -> Self {
        Self { engine, qos, serialize_envelope: true, keeps_session: false, version_5: false }
    }

    fn fixture(self) -> Fixture {
        Fixture::new(move |cx| async move { self.queue(&cx) })
            .cleanable::<MqttMessageQueue>()
            .profile(self.profile())
            .faults(Faults(self))
    }

    fn profile(self) -> Profile {
        Profile {
            delivery: match self.qos {
                0 => Delivery::AtMostOnce,
                1 => Delivery::AtLeastOnce,
                _ => Delivery::ExactlyOnce,
            },
            sharing: Sharing::FanOut,
            durable: self.keeps_session,
            content: match self.serialize_envelope || self.version_5 {
                true => Content::Envelope,
                false => Content::Payload,
            },
            max_backlog: Some(10_000),
            ..Profile::strict()
        }
    }

    fn breakable(self) -> &'static Breakable {
        match self.engine {
            Engine::Embedded => &BREAKABLE_EMBEDDED,
            Engine::Mosquitto => &BREAKABLE_MOSQUITTO,
        }
    }

    fn queue(self, cx: &QueueContext) -> Result<MqttMessageQueue, ApplicationError> {
        let port = match (cx.breaks_broker(), self.engine) {
            (true, _) => self.breakable().proxy.address().port(),
            (false, Engine::Embedded) => EMBEDDED.port(),
            (false, Engine::Mosquitto) => MOSQUITTO.port(),
        };
        self.queue_at(cx, port)
    }

    fn queue_at(self, cx: &QueueContext, port: u16) -> Result<MqttMessageQueue, ApplicationError> {
        let queue = MqttMessageQueue::new(cx.queue_name());
        let mut config = ConfigParams::from_tuples([("connection.host", "127.0.0.1")]);
        config.put("connection.port", port);
        config.put("options.qos", self.qos);
        config.put("options.serialize_envelope", self.serialize_envelope);
        config.put("options.mqtt_version", if self.version_5 { "5" } else { "3.1.1" });
        // What is sent before a consumer has subscribed reaches nobody.
        config.put("options.autosubscribe", true);
        if cx.breaks_broker() {
            // A fault shall not take the time that one takes in earnest.
            config.put("options.connect_timeout", 2_000);
            config.put("options.reconnect_timeout", 100);
            config.put("options.max_reconnect_timeout", 500);
            config.put("options.send_timeout", 2_000);
        }
        if self.keeps_session {
            config.put("options.clean_session", false);
            config.put("client_id", format!("{}-{}", cx.queue_name(), cx.instance()));
        }
        let config = config.iter().map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        queue.configure(&cx.config(config))?;
        queue.set_references(&cx.references())?;
        Ok(queue)
    }
}

/// What can be done to the broker of a variant.
struct Faults(Variant);

impl Faults {
    /// Calls that take a while, on a thread that may.
    async fn blocking(
        &self,
        call: impl FnOnce(&Breakable) -> Result<(), BrokerError> + Send + 'static,
    ) -> Result<(), FaultError> {
        let breakable = self.0.breakable();
        Ok(tokio::task::spawn_blocking(move || call(breakable)).await??)
    }
}

#[async_trait]
impl FaultInjector for Faults {
    async fn restart_broker(&self) -> Result<(), FaultError> {
        self.blocking(|breakable| breakable.broker.restart()).await
    }

    async fn cut(&self) -> Result<(), FaultError> {
        self.0.breakable().proxy.cut();
        Ok(())
    }

    async fn heal(&self) -> Result<(), FaultError> {
        self.0.breakable().proxy.heal();
        Ok(())
    }

    async fn stall(&self) -> Result<(), FaultError> {
        match self.0.engine {
            // It cannot be frozen. Its clients do not see the difference.
            Engine::Embedded => self.cut().await,
            Engine::Mosquitto => self.blocking(|breakable| breakable.broker.freeze()).await,
        }
    }

    async fn resume(&self) -> Result<(), FaultError> {
        match self.0.engine {
            Engine::Embedded => self.heal().await,
            Engine::Mosquitto => self.blocking(|breakable| breakable.broker.thaw()).await,
        }
    }

    async fn kick_client(&self) -> Result<(), FaultError> {
        self.0.breakable().proxy.disconnect();
        Ok(())
    }

    async fn unreachable_queue(
        &self,
        cx: QueueContext,
        why: OpenFailure,
    ) -> Result<Arc<dyn IMessageQueue>, FaultError> {
        static STOPPED: LazyLock<TestBroker> = LazyLock::new(|| {
            let broker = TestBroker::start(Engine::Embedded).unwrap();
            broker.stop().unwrap();
            broker
        });
        // The system accepts connections, and nobody ever reads from them.
        static SILENT: LazyLock<TcpListener> = LazyLock::new(|| TcpListener::bind("127.0.0.1:0").unwrap());
        static CLOSED: LazyLock<TestBroker> =
            LazyLock::new(|| TestBroker::builder(Engine::Embedded).user("somebody", "else").start().unwrap());
        static REFUSING: LazyLock<TestBroker> =
            LazyLock::new(|| TestBroker::builder(Engine::Embedded).refuse_subscriptions().start().unwrap());
        let port = match why {
            OpenFailure::NoBroker => STOPPED.port(),
            OpenFailure::Silent => SILENT.local_addr()?.port(),
            OpenFailure::Denied => CLOSED.port(),
            OpenFailure::SubscriptionRefused => REFUSING.port(),
        };
        Ok(Arc::new(self.0.queue_at(&cx, port)?))
    }

    async fn inject_raw(&self, destination: &str, bytes: &[u8]) -> Result<(), FaultError> {
        let foreign = MqttMessageQueue::new(destination);
        let mut config = ConfigParams::from_tuples([("connection.host", "127.0.0.1")]);
        config.put("connection.port", self.0.breakable().broker.port());
        config.put("options.qos", 1);
        config.put("options.serialize_envelope", false);
        foreign.configure(&config)?;
        foreign.open(None).await?;
        let sent = foreign.send(None, MessageEnvelope::new(None, None, bytes)).await;
        foreign.close(None).await?;
        Ok(sent?)
    }
}

pub(crate) fn embedded_qos_0() -> Fixture {
    Variant::new(Engine::Embedded, 0).fixture()
}

pub(crate) fn embedded_qos_1() -> Fixture {
    Variant::new(Engine::Embedded, 1).fixture()
}

pub(crate) fn embedded_payload_only() -> Fixture {
    Variant { serialize_envelope: false, ..Variant::new(Engine::Embedded, 1) }.fixture()
}

pub(crate) fn mosquitto_qos_0() -> Fixture {
    Variant::new(Engine::Mosquitto, 0).fixture()
}

pub(crate) fn mosquitto_qos_1() -> Fixture {
    Variant::new(Engine::Mosquitto, 1).fixture()
}

pub(crate) fn mosquitto_qos_2() -> Fixture {
    Variant::new(Engine::Mosquitto, 2).fixture()
}

/// The broker keeps for it what is sent while it is closed.
pub(crate) fn mosquitto_kept_session() -> Fixture {
    Variant { keeps_session: true, ..Variant::new(Engine::Mosquitto, 1) }.fixture()
}

/// Payloads alone, whose envelopes travel in properties.
fn version_5(engine: Engine, qos: u8) -> Fixture {
    Variant { serialize_envelope: false, version_5: true, ..Variant::new(engine, qos) }
        .fixture()
        .known_gap("empty_payload", "MQTT has no way to tell an empty payload from none")
        .known_gap(
            "malformed_input_is_skipped",
            "any bytes are a message where its envelope travels beside it",
        )
        .known_gap("unicode_everywhere", "MQTT forbids control characters in properties; such a send fails")
}

pub(crate) fn embedded_version_5() -> Fixture {
    version_5(Engine::Embedded, 1)
}

pub(crate) fn mosquitto_version_5() -> Fixture {
    version_5(Engine::Mosquitto, 2)
}
