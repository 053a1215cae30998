//! Who is let into the embedded broker.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use mqtt5::broker::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;

use crate::settings::User;

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Lets a list of users in, or everybody where there are none. They may then use all topics but some.
///
/// The passwords are compared as they are. The broker's own provider hashes them with Argon2, which without
/// optimisation takes a second for each connection, and it would hold up every other client meanwhile.
pub(crate) struct Access {
    pub(crate) users: Vec<User>,
    pub(crate) denied: Vec<String>,
}

impl Access {
    fn allows(&self, topic: &str) -> Answer<'_, bool> {
        Box::pin(std::future::ready(!self.denied.iter().any(|denied| denied == topic)))
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
            None if self.users.is_empty() => AuthResult::success(),
            Some(name) if self.know(connect) => AuthResult::success_with_user(name.as_str()),
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
        self.allows(topic)
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        _user: Option<&'a str>,
        filter: &'a str,
    ) -> Answer<'a, bool> {
        self.allows(filter)
    }
}
