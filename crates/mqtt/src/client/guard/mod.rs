//! Guards a session that the broker keeps, between the client, which begins anew with each connection, and the broker,
//! which goes on.

mod downward;
mod filter;
mod frames;
mod inbound;
mod outbound;
mod publish;
mod upward;

use std::{
    hash::RandomState,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub(super) use self::{
    downward::Downward,
    filter::{Filter, Output, Rules, Segment},
    frames::{Malformed, Number},
    upward::Upward,
};
use self::{inbound::Inbound, outbound::Outbound};

const PUBLISH: u8 = 3;
const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;

/// What a client and a broker that keeps its session owe each other at QoS 2, over all connections.
#[derive(Default)]
pub(super) struct Guard {
    state: Mutex<State>,
    keys: RandomState,
}

#[derive(Default)]
struct State {
    inbound: Inbound,
    outbound: Outbound,
    /// Which broker the last connection was to.
    address: Option<SocketAddr>,
}

impl Guard {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another connection. Gives its number.
    pub(super) fn connect(&self, address: SocketAddr) -> u64 {
        let mut state = self.state();
        if state.address.replace(address) != Some(address) {
            // The ids of one broker say nothing about those of another, which may have a session of its own.
            state.inbound.forget();
            state.outbound.doubt();
        }
        state.inbound.connect()
    }
}

/// The QoS of a PUBLISH packet with that first byte.
fn qos(first: u8) -> u8 {
    first >> 1 & 3
}

fn is_repetition(first: u8) -> bool {
    first & 8 != 0
}

/// A packet that answers to a message with that id, or releases it.
fn answer(first: u8, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [first, 2, high, low]
}

/// The two bytes that follow a packet's length, when they are there.
fn first_number(packet: &[u8]) -> Option<u16> {
    let (length, size) = Number::read(packet.get(1..)?).ok()??;
    let bytes = packet.get(1 + size..3 + size).filter(|_| length >= 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}
