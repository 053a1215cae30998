use std::fmt;

/// What a connection speaks below MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Mqtt,
    Mqtts,
    Ws,
    Wss,
}

impl Protocol {
    /// The protocol of this name; TCP and TLS have several.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "mqtt" | "tcp" => Self::Mqtt,
            "mqtts" | "ssl" | "tls" => Self::Mqtts,
            "ws" => Self::Ws,
            "wss" => Self::Wss,
            _ => return None,
        })
    }

    /// The registered ports of MQTT, and for WebSocket those of HTTP, as in other clients.
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Mqtt => 1883,
            Self::Mqtts => 8883,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    pub(crate) fn is_encrypted(self) -> bool {
        matches!(self, Self::Mqtts | Self::Wss)
    }

    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The feature of this crate that the protocol needs and that is off.
    pub(crate) fn missing_feature(self) -> Option<&'static str> {
        match self {
            _ if self.is_encrypted() && cfg!(not(feature = "tls")) => Some("tls"),
            _ if self.is_websocket() && cfg!(not(feature = "websocket")) => Some("websocket"),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mqtt => "mqtt",
            Self::Mqtts => "mqtts",
            Self::Ws => "ws",
            Self::Wss => "wss",
        })
    }
}
