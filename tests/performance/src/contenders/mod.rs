//! Who is measured. All but Python's are in this program, and do their work in a process of it.

mod ours;
mod paho;
mod python;
mod relayed;
mod rumqttc;

use std::{process::Command, sync::Arc};

pub(crate) use self::{ours::Ours, paho::Paho, python::Python, relayed::Relayed, rumqttc::Rumqttc};
use crate::{
    job::{Link, Pace, Reception, Task, WINDOW},
    outcome::Outcome,
};

/// Is called with the size of each payload that arrives.
pub(crate) type Handler = Arc<dyn Fn(usize) + Send + Sync>;

/// One who sends and receives messages, driven as well as it can be.
pub(crate) trait Contender {
    type Sender: Sender;
    /// What has to live for as long as messages are to arrive.
    type Receiver;

    /// Connects in order to send at that pace.
    async fn sender(link: &Link, pace: Pace) -> Outcome<Self::Sender>;

    /// Connects and subscribes. When it returns, each message that is sent reaches the handler.
    async fn receiver(link: &Link, how: Reception, handler: Handler) -> Outcome<Self::Receiver>;
}

pub(crate) trait Sender {
    /// Sends messages round the queues. When it returns, they may not have arrived yet at QoS 0.
    async fn send(&self, messages: usize) -> Outcome<()>;

    /// Waits until the broker has all that was sent.
    async fn fence(&self) -> Outcome<()>;
}

/// How a contender's process is started.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// This program again.
    Itself(&'static str),
    Python(Python),
}

impl Start {
    pub(crate) fn command(&self, task: &Task) -> Outcome<Command> {
        let task = serde_json::to_string(task)?;
        Ok(match self {
            Self::Itself(_) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args([crate::worker::ARGUMENT, &task]);
                command
            }
            Self::Python(python) => python.command(&task),
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Itself(name) => name,
            Self::Python(_) => Python::NAME,
        }
    }

    /// The ways in which it sends many messages at once. Nobody knows beforehand which is the best one, so all are measured
    /// in each round, and the best counts.
    pub(crate) fn ways(&self, link: &Link) -> Vec<Pace> {
        match *self {
            Self::Itself(Ours::NAME) => vec![Pace::Tasks, Pace::Batch],
            Self::Itself(Paho::NAME | Relayed::NAME) => Paho::windows(link.payload).map(Pace::Window).into(),
            Self::Itself(_) => [WINDOW, 10 * WINDOW].map(Pace::Window).into(),
            Self::Python(_) => vec![Pace::Batch],
        }
    }

    /// The Python queue cannot receive raw payloads: it reads an attribute that its client does not have.
    pub(crate) fn needs_envelope(&self) -> bool {
        matches!(self, Self::Python(_))
    }

    /// By what the number of its messages is divided, so that who is slower does not take longer.
    pub(crate) fn slowness(&self) -> usize {
        match self {
            Self::Itself(_) => 1,
            Self::Python(_) => 8,
        }
    }
}

/// A text of that many bytes, which is a payload for everybody.
fn payload(link: &Link) -> Vec<u8> {
    vec![b'x'; link.payload]
}
