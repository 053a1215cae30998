//! What a test asked of its broker.

/// The same for every start of one broker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Name and password. With none, everybody is let in; with any, only they are.
    pub(crate) users: Vec<User>,
    /// Topics that nobody may use.
    pub(crate) denied: Vec<String>,
    /// Whether sessions and their messages survive a restart.
    pub(crate) persistent: bool,
    /// Whether nobody may subscribe to anything.
    pub(crate) refuse_subscriptions: bool,
    /// How many messages at QoS 1 and 2 may be on their way to or from a client; 0: any number.
    pub(crate) max_inflight: u16,
    /// With what its connections are encrypted, if they are.
    pub(crate) tls: Option<Tls>,
    /// Whether MQTT travels in WebSocket.
    pub(crate) websocket: bool,
}

/// Certificates and a key in PEM form.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// Who has to sign the certificate that a client must have; `None`: no client needs one.
    pub(crate) client_ca: Option<String>,
}

/// One account.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl User {
    /// Whether a password file, one `name:password` on each line, can hold it.
    pub(crate) fn fits_a_password_file(&self) -> bool {
        let line_break = ['\n', '\r'];
        !self.name.is_empty()
            && !self.password.is_empty()
            && !self.name.contains(':')
            && !self.name.contains(line_break)
            && !self.password.contains(line_break)
    }
}
