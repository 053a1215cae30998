//! The first packet of a client.
//!
//! The client crate logs what it connects with, password included. So it is never told the password, which
//! joins the packet on its way to the broker. In its place it has a secret that is good for one connection to the relay:
//! who connects to the relay without it is none of this process.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::packets::{Malformed, Number};
use crate::secret::Secret;

const CONNECT: u8 = 0x10;
const CLEAN: u8 = 0x02;
const HAS_PASSWORD: u8 = 0x40;
const SESSION_EXPIRY: u8 = 0x11;

/// As long is the protocol's name, which is `MQTT`, with its length. The version follows, the flags, and the time of the signs of
/// life.
const NAME: usize = 6;

/// Longer than a client id, a user name, a will with its topic, and all properties that the client writes can be.
const LONGEST: usize = 512 * 1024;

/// What a client that says the right secret is made to say to the broker.
#[derive(Clone)]
pub(super) struct Greeting {
    pub(super) secret: Secret,
    pub(super) password: Option<Secret>,
    pub(super) session: Session,
    /// How often the broker shall have a sign of life, in seconds. Zero stands for never.
    pub(super) keep_alive: u16,
}

/// What the broker is to do with the session of a client, which says of each that it is clean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    Clean,
    /// Keep it; the seconds are those of version 5.
    Kept(Option<u32>),
}

/// A secret for one connection.
pub(super) fn one_time_secret() -> io::Result<Secret> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Secret::new(bytes.map(|byte| format!("{byte:02x}")).concat()))
}

/// Reads a CONNECT packet with the secret as its password, and gives the one for the broker.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin), greeting: &Greeting) -> io::Result<Vec<u8>> {
    if from.read_u8().await? != CONNECT {
        return Err(invalid());
    }
    let length = read_length(from).await?;
    // Nobody knows yet who it is: what is announced takes no memory.
    let mut body = Vec::new();
    if length > LONGEST || from.take(length as u64).read_to_end(&mut body).await? < length {
        return Err(invalid());
    }
    // The protocol's name, its version, and then the flags.
    let name = body.get(..2).map(|length| u16::from_be_bytes([length[0], length[1]])).ok_or_else(invalid)?;
    let flags = 2 + usize::from(name) + 1;
    replace_password(&mut body, flags, greeting)?;
    body[flags + 1..flags + 3].copy_from_slice(&greeting.keep_alive.to_be_bytes());
    if let Session::Kept(expiry) = greeting.session {
        body[flags] &= !CLEAN;
        if let Some(seconds) = expiry {
            // Behind the time of the signs of life.
            add_expiry(&mut body, flags + 3, seconds)?;
        }
    }
    let mut packet = vec![CONNECT];
    Number::write(body.len(), &mut packet);
    packet.extend(body);
    Ok(packet)
}

/// Whether the packets of a connection with such a first one have properties.
pub(super) fn has_properties(connect: &[u8]) -> bool {
    connect.get(after_length(connect) + NAME).is_some_and(|version| *version == 5)
}

/// Where the packet's fields begin.
fn after_length(connect: &[u8]) -> usize {
    1 + connect[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1
}

/// In all versions of MQTT the password is the last field of the packet.
fn replace_password(body: &mut Vec<u8>, flags: usize, greeting: &Greeting) -> io::Result<()> {
    let secret = field(greeting.secret.expose())?;
    let has_password = body.get(flags).is_some_and(|flags| flags & HAS_PASSWORD != 0);
    if !has_password || !body.get(flags + 3..).is_some_and(|fields| fields.ends_with(&secret)) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    body.truncate(body.len() - secret.len());
    match &greeting.password {
        Some(password) => body.extend(field(password.expose())?),
        None => body[flags] &= !HAS_PASSWORD,
    }
    Ok(())
}

fn field(text: &str) -> io::Result<Vec<u8>> {
    let length = u16::try_from(text.len()).map_err(|_| invalid())?;
    Ok([&length.to_be_bytes(), text.as_bytes()].concat())
}

/// Adds a property to those at that place.
fn add_expiry(body: &mut Vec<u8>, at: usize, seconds: u32) -> io::Result<()> {
    let properties = body.get(at..).ok_or_else(invalid)?;
    let (length, size) = Number::read(properties).map_err(|Malformed| invalid())?.ok_or_else(invalid)?;
    let mut added = Vec::new();
    Number::write(length + 5, &mut added);
    added.push(SESSION_EXPIRY);
    added.extend(seconds.to_be_bytes());
    body.splice(at..at + size, added);
    Ok(())
}

async fn read_length(from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
    let mut number = Number::default();
    loop {
        if let Some(length) = number.push(from.read_u8().await?).map_err(|Malformed| invalid())? {
            return Ok(length);
        }
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 3.1.1, client id `c`, user name `me`, password `key`.
    const PACKET: &[u8] = b"\x10\x16\0\x04MQTT\x04\xc2\0\x3c\0\x01c\0\x02me\0\x03key";

    fn greeting(password: Option<&str>, session: Session) -> Greeting {
        let password = password.map(Secret::new);
        Greeting { secret: Secret::new("key"), password, session, keep_alive: 60 }
    }

    #[tokio::test]
    async fn the_password_takes_the_place_of_the_secret() {
        let packet = read(&mut &PACKET[..], &greeting(Some("pässword"), Session::Clean)).await.unwrap();
        assert_eq!(packet, b"\x10\x1c\0\x04MQTT\x04\xc2\0\x3c\0\x01c\0\x02me\0\x09p\xc3\xa4ssword");
    }

    #[tokio::test]
    async fn without_a_password_the_broker_gets_none() {
        let packet = read(&mut &PACKET[..], &greeting(None, Session::Clean)).await.unwrap();
        assert_eq!(packet, b"\x10\x11\0\x04MQTT\x04\x82\0\x3c\0\x01c\0\x02me");
    }

    #[tokio::test]
    async fn a_length_of_several_bytes_is_read_and_written() {
        let password = "x".repeat(20_000);
        let long = read(&mut &PACKET[..], &greeting(Some(&password), Session::Clean)).await.unwrap();
        assert_eq!(long[..4], [0x10, 0xb3, 0x9c, 0x01]);
        let back = Greeting { secret: Secret::new(password), ..greeting(Some("key"), Session::Clean) };
        assert_eq!(read(&mut long.as_slice(), &back).await.unwrap(), PACKET);
    }

    #[tokio::test]
    async fn the_broker_is_told_how_often_it_hears_something_whatever_the_client_says() {
        let greeting = Greeting { keep_alive: 0x0102, ..greeting(Some("key"), Session::Clean) };
        let packet = read(&mut &PACKET[..], &greeting).await.unwrap();
        assert_eq!(packet, b"\x10\x16\0\x04MQTT\x04\xc2\x01\x02\0\x01c\0\x02me\0\x03key");
    }

    #[tokio::test]
    async fn a_session_to_keep_is_not_clean_and_lasts_for_so_long() {
        let kept = read(&mut &PACKET[..], &greeting(Some("key"), Session::Kept(None))).await.unwrap();
        assert_eq!(kept, b"\x10\x16\0\x04MQTT\x04\xc0\0\x3c\0\x01c\0\x02me\0\x03key");
        // A receive maximum is there already.
        let version5 = b"\x10\x15\0\x04MQTT\x05\x42\0\x3c\x03\x21\0\x09\0\x00\0\x03key";
        let kept = read(&mut &version5[..], &greeting(None, Session::Kept(Some(0x0102)))).await.unwrap();
        assert_eq!(kept, b"\x10\x15\0\x04MQTT\x05\x00\0\x3c\x08\x11\0\0\x01\x02\x21\0\x09\0\x00");
        assert!(has_properties(&kept) && !has_properties(PACKET));
    }

    #[tokio::test]
    async fn who_does_not_know_the_secret_is_refused() {
        let greeting = greeting(Some("p"), Session::Clean);
        let without = b"\x10\x11\0\x04MQTT\x04\x82\0\x3c\0\x01c\0\x02me";
        let guessed = b"\x10\x16\0\x04MQTT\x04\xc2\0\x3c\0\x01c\0\x02me\0\x03kex";
        // It only says so in another field.
        let elsewhere = b"\x10\x14\0\x04MQTT\x04\x82\0\x3c\0\x01c\0\x05\0\x03key";
        for packet in [&without[..], guessed, elsewhere] {
            let error = read(&mut &packet[..], &greeting).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{packet:?}");
        }
    }

    #[tokio::test]
    async fn a_secret_is_never_the_same() {
        let [one, other] = [(); 2].map(|()| one_time_secret().unwrap());
        assert!(one != other && one.expose().len() == 32);
    }

    #[tokio::test]
    async fn what_is_no_connect_packet_is_an_error_and_never_a_panic() {
        let greeting = greeting(Some("p"), Session::Kept(Some(1)));
        for bytes in [
            &b""[..],
            b"\x30\x00",
            b"\x10\xff\xff\xff\xff\xff",
            b"\x10\xff\xff\xff\x7fx",
            b"\x10\x01\0",
            b"\x10\x02\xff\xff",
            b"\x10\x0a\0\0\x05\xff\0\0\0\x03key",
            b"\x10\x0d\0\0\x05\xff\0\0\xff\xff\xff\0\x03key",
        ] {
            assert!(read(&mut &bytes[..], &greeting).await.is_err(), "{bytes:?}");
        }
    }
}
