//! The MQTT client. Its crate is named nowhere else: the rest sees one ordered stream of [`Event`]s, and
//! futures that end at the broker's answer.

mod connect_packet;
mod error;
mod event;
mod paho;
mod relay;

pub(crate) use error::ClientError;
pub(crate) use event::{Delivery, Event, Events};
pub(crate) use paho::{Client, PublishAck};
