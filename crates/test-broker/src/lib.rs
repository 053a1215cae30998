//! An MQTT broker for tests and examples: embedded, or a Mosquitto process
