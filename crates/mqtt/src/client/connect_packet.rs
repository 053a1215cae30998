//! The first packet of a client.
//!
//! The client crate logs what it connects with, password included. So it is never told the password, which
//! joins the packet on its way to the broker.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::secret::Secret;

const CONNECT: u8 = 0x10;
const HAS_PASSWORD: u8 = 0x40;

/// Reads a CONNECT packet that has no password, and adds one.
pub(super) async fn read(
    from: &mut (impl AsyncRead + Unpin),
    password: Option<&Secret>,
) -> io::Result<Vec<u8>> {
    if from.read_u8().await? != CONNECT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; read_length(from).await?];
    from.read_exact(&mut body).await?;
    if let Some(password) = password {
        add_password(&mut body, password.expose())?;
    }
    let mut packet = vec![CONNECT];
    write_length(&mut packet, body.len());
    packet.extend(body);
    Ok(packet)
}

/// In all versions of MQTT the password is the last field of the packet.
fn add_password(body: &mut Vec<u8>, password: &str) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let length = u16::try_from(password.len()).map_err(|_| invalid())?;
    // The protocol's name, its version, and then the flags.
    let name = body.get(..2).map(|length| u16::from_be_bytes([length[0], length[1]])).ok_or_else(invalid)?;
    *body.get_mut(2 + usize::from(name) + 1).ok_or_else(invalid)? |= HAS_PASSWORD;
    body.extend(length.to_be_bytes());
    body.extend(password.as_bytes());
    Ok(())
}

async fn read_length(from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = from.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn write_length(packet: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        packet.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    packet.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 3.1.1, client id `c`, user name `me`.
    const WITHOUT: &[u8] = b"\x10\x11\0\x04MQTT\x04\x82\0\x3c\0\x01c\0\x02me";

    #[tokio::test]
    async fn a_password_becomes_the_last_field_and_its_flag_is_set() {
        let packet = read(&mut &WITHOUT[..], Some(&Secret::new("pässword"))).await.unwrap();
        assert_eq!(packet, b"\x10\x1c\0\x04MQTT\x04\xc2\0\x3c\0\x01c\0\x02me\0\x09p\xc3\xa4ssword");
    }

    #[tokio::test]
    async fn a_length_of_several_bytes_is_read_and_written() {
        let password = "x".repeat(20_000);
        let long = read(&mut &WITHOUT[..], Some(&Secret::new(password.as_str()))).await.unwrap();
        assert_eq!(long[..4], [0x10, 0xb3, 0x9c, 0x01]);
        assert!(long.ends_with(password.as_bytes()));
        assert_eq!(read(&mut long.as_slice(), None).await.unwrap(), long);
    }

    #[tokio::test]
    async fn a_packet_stays_as_it_is_without_a_password() {
        assert_eq!(read(&mut &WITHOUT[..], None).await.unwrap(), WITHOUT);
    }

    #[tokio::test]
    async fn what_is_no_connect_packet_is_an_error_and_never_a_panic() {
        for bytes in [&b""[..], b"\x30\x00", b"\x10\xff\xff\xff\xff\xff", b"\x10\x01\0", b"\x10\x02\xff\xff"]
        {
            assert!(read(&mut &bytes[..], Some(&Secret::new("p"))).await.is_err(), "{bytes:?}");
        }
    }
}
