//! The MQTT message queue of the pip-services toolkit
