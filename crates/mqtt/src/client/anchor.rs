use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use paho_mqtt::{AsyncClient, ConnectOptionsBuilder, Error, MqttVersion};

/// No port: a connection to it fails at once.
const NOWHERE: &str = "tcp://127.0.0.1:0";

/// Never connected and never dropped. When a process's last client goes and another is made, the C library
/// leaks two descriptors; with this one the last never goes.
static ANCHOR: LazyLock<Result<Mutex<AsyncClient>, Error>> =
    LazyLock::new(|| AsyncClient::new(NOWHERE).map(Mutex::new));

/// Makes sure that it is there.
pub(super) fn hold() {
    LazyLock::force(&ANCHOR);
}

/// Makes the library look after the signs of life of all connections about once a second.
///
/// It does so at an interval that each connect sets for the whole process, to a tenth of its own keep-alive
/// time and up to five seconds. After one with a long time, others would be late and lose their connections.
/// An attempt with the shortest time, which fails at once, sets the interval back.
pub(super) fn tighten_keepalive() {
    let Ok(anchor) = &*ANCHOR else { return };
    let options = ConnectOptionsBuilder::with_mqtt_version(MqttVersion::V3_1_1)
        .keep_alive_interval(Duration::from_secs(1))
        .finalize();
    // Its outcome is known.
    drop(anchor.lock().unwrap_or_else(PoisonError::into_inner).connect(options));
}
