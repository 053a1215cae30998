//! Every call of the broker, on both engines, seen through hand-written MQTT packets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code, of which clippy.toml's exceptions see only the functions marked as tests"
)]

/// Makes one test for each engine of each named function, which takes the engine.
macro_rules! on_both_engines {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use pip_services_test_broker::Engine;

            #[test]
            fn embedded() {
                super::$test(Engine::Embedded);
            }

            #[test]
            fn mosquitto() {
                super::$test(Engine::Mosquitto);
            }
        }
    )+};
}

/// Who is let in.
mod access;
/// Freezing a broker, and cutting one client.
mod control;
/// Start, stop, crash, restart, and what is left afterwards.
mod lifecycle;
/// A network that is cut and slowed.
mod proxy;
/// What a persistent broker remembers, and another forgets.
mod sessions;
/// TLS and WebSocket.
mod transports;
/// A small MQTT 3.1.1 client.
mod wire;
