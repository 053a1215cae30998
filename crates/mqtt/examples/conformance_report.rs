//! Runs the conformance suite on the memory queue and on the variants of the MQTT queue, and prints how each case
//! ended, as a table in Markdown: `cargo run -p pip-services-mqtt --example conformance_report`. It needs Mosquitto.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints, with fixtures of the tests"
)]

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use pip_services_commons::{config::IConfigurable, refer::IReferenceable};
use pip_services_messaging::{
    MemoryMessageQueue,
    conformance::{Fixture, cases, run_case},
};

#[path = "../tests/it/fixtures.rs"]
mod fixtures;

/// How many cases run at the same time. Most of them wait.
const AT_ONCE: usize = 4;

type Column = (&'static str, fn() -> Fixture);

const COLUMNS: [Column; 10] = [
    ("memory", memory),
    ("embedded, QoS 0", fixtures::embedded_qos_0),
    ("embedded, QoS 1", fixtures::embedded_qos_1),
    ("embedded, QoS 1, payload only", fixtures::embedded_payload_only),
    ("Mosquitto, QoS 0", fixtures::mosquitto_qos_0),
    ("Mosquitto, QoS 1", fixtures::mosquitto_qos_1),
    ("Mosquitto, QoS 2", fixtures::mosquitto_qos_2),
    ("Mosquitto, QoS 1, kept session", fixtures::mosquitto_kept_session),
    ("embedded, MQTT 5, QoS 1", fixtures::embedded_version_5),
    ("Mosquitto, MQTT 5, QoS 2", fixtures::mosquitto_version_5),
];

fn memory() -> Fixture {
    Fixture::new(|cx| async move {
        let queue = MemoryMessageQueue::new(cx.queue_name());
        queue.configure(cx.parameters())?;
        queue.set_references(&cx.references())?;
        Ok(queue)
    })
    .cleanable::<MemoryMessageQueue>()
    .dead_letters(|queue: Arc<MemoryMessageQueue>| async move { Ok(queue.dead_letters()) })
}

fn main() -> ExitCode {
    let titles = COLUMNS.map(|(title, _)| title).join(" | ");
    println!("| # | case | {titles} |");
    println!("|---|---|{}", "---|".repeat(COLUMNS.len()));
    let mut failed = false;
    for (number, case) in cases().enumerate() {
        let outcomes = outcomes(case).map(|outcome| {
            outcome.unwrap_or_else(|failure| {
                failed = true;
                eprintln!("{failure}\n");
                "**fail**".to_owned()
            })
        });
        println!("| {} | {case} | {} |", number + 1, outcomes.join(" | "));
    }
    ExitCode::from(u8::from(failed))
}

/// How the case ended for each of the queues.
fn outcomes(case: &str) -> [Result<String, String>; COLUMNS.len()] {
    let (todo, done) = (Mutex::new(COLUMNS.iter().enumerate()), Mutex::new([const { None }; COLUMNS.len()]));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((column, (title, fixture))) = next else { return };
                    let outcome = run_case(case, &fixture());
                    let outcome = outcome
                        .map(|outcome| outcome.to_string())
                        .map_err(|failure| format!("{title}: {failure}"));
                    done.lock().unwrap_or_else(PoisonError::into_inner)[column] = Some(outcome);
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.map(|outcome| outcome.unwrap_or_else(|| Err("it was not run".into())))
}
