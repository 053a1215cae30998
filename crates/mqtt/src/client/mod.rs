//! The MQTT client. Its crate is named nowhere else: the rest sees one ordered stream of [`Event`]s, and
//! futures that end at the broker's answer.

mod answers;
mod backlog;
mod connect_packet;
mod entrance;
mod error;
mod event;
mod guard;
mod message;
mod packets;
mod paho;
mod properties;
mod readable;
mod relay;
mod replies;

#[cfg(test)]
pub(crate) use backlog::Backlog;
pub(crate) use error::{ClientError, Reason};
pub(crate) use event::{Event, Events, Malformed};
pub(crate) use message::{Delivery, LARGEST_PACKET, MessageProperties, Publication};
pub(crate) use paho::{Client, PublishAck};
