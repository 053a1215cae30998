use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::questions::QuestionId;

/// Measures the MQTT queue beside its peers, on a Mosquitto of its own.
///
/// All questions in full are written to docs/performance.md with their charts; anything less to target/performance.
#[derive(Debug, Parser)]
#[command(name = "pip-services-performance", version)]
pub(crate) struct Arguments {
    /// Only these questions
    #[arg(long, value_enum)]
    pub(crate) only: Vec<QuestionId>,
    /// How often each is measured; what is printed is the median
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: Option<u16>,
    /// One round of a tenth of the messages, to see whether it works
    #[arg(long)]
    pub(crate) quick: bool,
    /// Who else is measured, beside paho-mqtt and rumqttc; installs it from PyPI into a folder under target
    #[arg(long, value_enum)]
    pub(crate) peers: Vec<Peer>,
    /// The folder that performance.md is written to
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// The toolkit's queue for Python
    Python,
}
