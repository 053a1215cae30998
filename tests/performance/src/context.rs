use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use clap::ValueEnum;
use pip_services_test_broker::{Engine, TestBroker};

use crate::{
    arguments::{Arguments, Peer},
    contenders::{Ours, Paho, Python, Relayed, Rumqttc, Start},
    job::Link,
    machine::Machine,
    outcome::Outcome,
    questions::QuestionId,
};

/// By what the numbers of messages are divided for a quick look.
const QUICK: usize = 10;

/// What a run has for all its measurements.
pub(crate) struct Context {
    broker: TestBroker,
    pub(crate) rounds: usize,
    pub(crate) questions: Vec<QuestionId>,
    pub(crate) ours: Start,
    pub(crate) paho: Start,
    pub(crate) relayed: Start,
    pub(crate) rumqttc: Start,
    pub(crate) python: Option<Start>,
    pub(crate) machine: Machine,
    /// The folder for the report.
    pub(crate) out: PathBuf,
    /// How this program was called.
    pub(crate) command: String,
    quick: bool,
    topics: AtomicUsize,
}

impl Context {
    pub(crate) fn new(arguments: &Arguments) -> Outcome<Self> {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let folder = build_folder()?.join("performance");
        let python = match arguments.peers.contains(&Peer::Python) {
            true => Some(Python::install(&folder.join("python"))?),
            false => None,
        };
        let mut questions = arguments.only.clone();
        if questions.is_empty() {
            questions = QuestionId::value_variants().to_vec();
        }
        let full = arguments.only.is_empty() && !arguments.quick;
        let out = arguments.out.clone().unwrap_or(if full { root.join("docs") } else { folder });
        let rounds = arguments.rounds.unwrap_or(if arguments.quick { 1 } else { 5 });
        let given: String = std::env::args().skip(1).map(|argument| format!(" {argument}")).collect();
        let separator = if given.is_empty() { "" } else { " --" };
        Ok(Self {
            broker: TestBroker::start(Engine::Mosquitto)?,
            rounds: rounds.into(),
            questions,
            ours: Start::Itself(Ours::NAME),
            paho: Start::Itself(Paho::NAME),
            relayed: Start::Itself(Relayed::NAME),
            rumqttc: Start::Itself(Rumqttc::NAME),
            machine: Machine::look(python.as_ref())?,
            python: python.map(Start::Python),
            out,
            command: format!("cargo run --release -p pip-services-performance{separator}{given}"),
            quick: arguments.quick,
            topics: AtomicUsize::new(0),
        })
    }

    /// A link of its own, with one queue and raw payloads of 100 bytes at QoS 0.
    pub(crate) fn link(&self) -> Link {
        let number = self.topics.fetch_add(1, Ordering::Relaxed);
        let topic = format!("performance/{number}");
        Link { port: self.broker.port(), topic, queues: 1, qos: 0, payload: 100, envelope: false }
    }

    /// How many messages there are to be, of this many in full.
    pub(crate) fn messages(&self, who: &Start, full: usize) -> usize {
        let divisor = if self.quick { QUICK } else { 1 };
        (full / divisor / who.slowness()).max(20)
    }

    /// All who measure themselves with this project.
    pub(crate) fn everybody(&self) -> Vec<&Start> {
        [&self.ours, &self.paho, &self.rumqttc].into_iter().chain(&self.python).collect()
    }

    /// For questions with a target, which the relay may put out of reach.
    pub(crate) fn everybody_and_relayed(&self) -> Vec<&Start> {
        let mut everybody = self.everybody();
        everybody.insert(2, &self.relayed);
        everybody
    }

    /// The program whose allocations are counted, which cargo builds beside this one.
    pub(crate) fn counting_program(&self) -> Outcome<PathBuf> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let name = "pip-services-allocations";
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "pip-services-performance", "--bin", name]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        match build.current_dir(env!("CARGO_MANIFEST_DIR")).status()?.success() {
            true => Ok(std::env::current_exe()?.with_file_name(name)),
            false => Err(format!("cargo cannot build {name}").into()),
        }
    }
}

/// `target`, which git ignores, wherever it is.
fn build_folder() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2).ok_or("this program is in no folder of cargo")?;
    Ok(folder.to_owned())
}
