//! Who is let into the embedded broker.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use mqtt5::broker::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;

use crate::settings::{Settings, User};

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Lets a list of users in, or everybody where there are none. They may then use all topics but some, and subscribe, if
/// anybody may.
///
/// The passwords are compared as they are. The broker's own provider hashes them with Argon2, which without
/// optimisation takes a second for each connection, and it would hold up every other client meanwhile.
pub(crate) struct Access {
    users: Vec<User>,
    denied: Vec<String>,
    may_subscribe: bool,
}

impl Access {
    /// What the settings ask for, where that is more than to let everybody do everything.
    pub(crate) fn from_settings(settings: &Settings) -> Option<Self> {
        let Settings { users, denied, refuse_subscriptions, .. } = settings;
        let needed = !users.is_empty() || !denied.is_empty() || *refuse_subscriptions;
        needed.then(|| Self {
            users: users.clone(),
            denied: denied.clone(),
            may_subscribe: !refuse_subscriptions,
        })
    }

    fn allows(&self, topic: &str) -> bool {
        !self.denied.iter().any(|denied| denied == topic)
    }

    fn know(&self, connect: &ConnectPacket) -> bool {
        self.users.iter().any(|user| {
            connect.username.as_deref() == Some(user.name.as_str())
                && connect.password.as_deref() == Some(user.password.as_bytes())
        })
    }
}

impl AuthProvider for Access {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _client: SocketAddr,
    ) -> Answer<'a, mqtt5::error::Result<AuthResult>> {
        let result = match &connect.username {
            Some(name) if self.know(connect) => AuthResult::success_with_user(name.as_str()),
            None if self.users.is_empty() => AuthResult::success(),
            _ => AuthResult::fail(ReasonCode::BadUsernameOrPassword),
        };
        Box::pin(std::future::ready(Ok(result)))
    }

    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        _user: Option<&'a str>,
        topic: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(std::future::ready(self.allows(topic)))
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        _user: Option<&'a str>,
        filter: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(std::future::ready(self.may_subscribe && self.allows(filter)))
    }
}
