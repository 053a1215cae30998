use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use pip_services_commons::refer::Descriptor;

/// Sends to and receives from the queues of a configuration file.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 timed out before --count was reached.
#[derive(Parser)]
#[command(name = "pip-queue", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sends messages: the arguments, or each line of standard input
    Send(SendArguments),
    /// Prints messages as they are delivered to a listener, a JSON object a line
    Listen(TakeArguments),
    /// Takes messages one after another and prints them, a JSON object a line
    Receive(TakeArguments),
    /// Prints the messages that wait, without taking them
    Peek(PeekArguments),
    /// Prints how many messages wait
    Count(CountArguments),
}

impl Command {
    pub(crate) fn queue(&self) -> &QueueArguments {
        match self {
            Self::Send(arguments) => &arguments.queue,
            Self::Listen(arguments) | Self::Receive(arguments) => &arguments.queue,
            Self::Peek(arguments) => &arguments.queue,
            Self::Count(arguments) => &arguments.queue,
        }
    }
}

#[derive(Args)]
pub(crate) struct QueueArguments {
    /// The configuration file, in YAML or JSON
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// The queue, where the file lists several
    #[arg(short, long, value_name = "DESCRIPTOR", value_parser = descriptor)]
    pub(crate) queue: Option<Descriptor>,

    /// A parameter of the file's template; the environment's variables are parameters too
    #[arg(short, long = "param", value_name = "KEY=VALUE")]
    pub(crate) parameters: Vec<String>,
}

#[derive(Args)]
pub(crate) struct SendArguments {
    #[command(flatten)]
    pub(crate) queue: QueueArguments,

    /// The message type
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub(crate) message_type: Option<String>,

    /// The correlation id
    #[arg(short = 'i', long, value_name = "ID")]
    pub(crate) correlation_id: Option<String>,

    /// A file whose bytes are the payload of one message
    #[arg(long, value_name = "PATH", conflicts_with = "messages")]
    pub(crate) raw_file: Option<PathBuf>,

    /// The messages; none to read them from standard input, a line each
    pub(crate) messages: Vec<String>,
}

#[derive(Args)]
pub(crate) struct TakeArguments {
    #[command(flatten)]
    pub(crate) queue: QueueArguments,

    /// How many messages to take; without it, until a signal or the timeout
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) count: Option<usize>,

    /// How many milliseconds to go on; without it, for ever
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Args)]
pub(crate) struct PeekArguments {
    #[command(flatten)]
    pub(crate) queue: QueueArguments,

    /// How many messages to print at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1)]
    pub(crate) count: usize,

    /// How many milliseconds to wait for as many: a broker may deliver only from now on
    #[arg(long, value_name = "MS", value_parser = milliseconds, default_value = "0")]
    pub(crate) wait: Duration,
}

#[derive(Args)]
pub(crate) struct CountArguments {
    #[command(flatten)]
    pub(crate) queue: QueueArguments,

    /// How many milliseconds to wait for the first: a broker may deliver only from now on
    #[arg(long, value_name = "MS", value_parser = milliseconds, default_value = "0")]
    pub(crate) wait: Duration,
}

fn descriptor(text: &str) -> Result<Descriptor, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_millis).map_err(|_| "it must be a whole number of milliseconds".into())
}
