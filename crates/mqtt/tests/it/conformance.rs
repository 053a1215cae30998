//! The public conformance suite, on both engines.

use pip_services_messaging::queue_conformance;

use crate::fixtures::{
    embedded_payload_only, embedded_qos_0, embedded_qos_1, embedded_version_5, mosquitto_kept_session,
    mosquitto_qos_0, mosquitto_qos_1, mosquitto_qos_2, mosquitto_version_5,
};

// Stress on a variant of each engine, with and without acknowledgements; it has little to do with what else differs.
queue_conformance! { mod on_embedded_qos_0; fixture = embedded_qos_0; }
queue_conformance! { mod on_embedded_qos_1; fixture = embedded_qos_1; faults; without stress; }
queue_conformance! { mod on_embedded_payload_only; fixture = embedded_payload_only; without stress; }
queue_conformance! { mod on_mosquitto_qos_0; fixture = mosquitto_qos_0; without stress; }
queue_conformance! { mod on_mosquitto_qos_1; fixture = mosquitto_qos_1; faults; }
queue_conformance! { mod on_mosquitto_qos_2; fixture = mosquitto_qos_2; without stress; }
queue_conformance! { mod on_mosquitto_kept_session; fixture = mosquitto_kept_session; faults; without stress; }
queue_conformance! { mod on_embedded_version_5; fixture = embedded_version_5; without stress; }
queue_conformance! { mod on_mosquitto_version_5; fixture = mosquitto_version_5; without stress; }
