//! Why this project has a relay between the client library and the broker, whatever that costs: how many processes end whose
//! broker resets the connection while messages are on their way, with `paho-mqtt` alone and with this project.
//!
//! Each process sends at QoS 1 with 100 messages in flight, and its broker, which it has within, takes some of them, answers,
//! and resets the connection.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program whose purpose is to print figures")]

use std::{
    env,
    error::Error,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use paho_mqtt::{AsyncClient, ConnectOptionsBuilder, Message, MqttVersion};
use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    run::IOpenable,
};
use pip_services_messaging::{IMessageQueue, MessageEnvelope};
use pip_services_mqtt::MqttMessageQueue;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PROCESSES: usize = 100;
const CONTENDERS: [&str; 2] = ["paho-mqtt", "pip-services-mqtt"];
const AT_ONCE: usize = 100;
const PAYLOAD: &str =
    "A hundred bytes or so, which is as much as many a message that is sent by a thing has to say to one.";

/// No process takes as long.
const LONGEST: Duration = Duration::from_secs(60);

/// When nothing happens for so long, the connection has ended.
const QUIET: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Outcome<()> {
    if env::args().len() == 1 {
        return count();
    }
    timeout(LONGEST, run()).await?
}

/// Is one of the processes.
async fn run() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    match env::args().nth(1).as_deref() {
        Some("paho-mqtt") => {
            tokio::spawn(broker(listener));
            paho(port).await
        }
        Some("pip-services-mqtt") => {
            tokio::spawn(broker(listener));
            ours(port).await
        }
        _ => Err(format!("it takes no arguments, or one of {CONTENDERS:?}").into()),
    }
}

/// Starts the processes, and counts those that do not end by themselves.
fn count() -> Outcome<()> {
    for contender in CONTENDERS {
        let mut ended = 0;
        for _ in 0..PROCESSES {
            let mut process = Command::new(env::current_exe()?);
            let status = process.arg(contender).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            match status.code() {
                Some(0) => {}
                // By a signal.
                None => ended += 1,
                Some(code) => return Err(format!("a process with {contender} failed with {code}").into()),
            }
        }
        println!("{contender}: {ended} of {PROCESSES} processes ended by a reset");
    }
    Ok(())
}

/// Accepts a client, answers to a number of messages that differs from process to process, and resets the connection.
async fn broker(listener: TcpListener) -> std::io::Result<()> {
    let (mut client, _) = listener.accept().await?;
    let most = std::process::id() % 300;
    let mut taken = 0;
    while taken <= most {
        let (first, body) = packet(&mut client).await?;
        match first >> 4 {
            1 => client.write_all(b"\x20\x02\0\0").await?,
            3 => {
                taken += 1;
                let id = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                client.write_all(&[0x40, 2, body[id], body[id + 1]]).await?;
            }
            _ => {}
        }
    }
    client.set_zero_linger()
}

/// The first byte of a packet, and what follows its length.
async fn packet(client: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let first = client.read_u8().await?;
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = client.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    Ok((first, body))
}

async fn paho(port: u16) -> Outcome<()> {
    let client = AsyncClient::new(format!("tcp://127.0.0.1:{port}"))?;
    client.connect(ConnectOptionsBuilder::with_mqtt_version(MqttVersion::V3_1_1).finalize()).await?;
    let mut sending = std::collections::VecDeque::new();
    while let Ok(token) = client.try_publish(Message::new("orders", PAYLOAD, 1)) {
        sending.push_back(token);
        if sending.len() >= AT_ONCE
            && let Some(oldest) = sending.pop_front()
            && timeout(QUIET, oldest).await.is_err()
        {
            break;
        }
    }
    Ok(())
}

async fn ours(port: u16) -> Outcome<()> {
    let queue = Arc::new(MqttMessageQueue::new("orders"));
    let mut config = ConfigParams::from_tuples([
        ("connection.host", "127.0.0.1"),
        ("options.qos", "1"),
        ("options.serialize_envelope", "false"),
        ("options.retry_connect", "false"),
    ]);
    config.put("connection.port", port);
    queue.configure(&config)?;
    queue.open(None).await?;
    let sending: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                while queue.send(None, MessageEnvelope::new(None, "", PAYLOAD)).await.is_ok() {}
            })
        })
        .collect();
    for sending in sending {
        sending.await?;
    }
    Ok(())
}
