//! Has callgrind count the instructions of the programs in `workloads`, and compares them with `figures.json`.
//!
//! It fails where one is more than a tenth above its figure, and also where it is more than a tenth below, so that the
//! figures stay true: then `--update` writes them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program whose purpose is to print figures")]

mod comparison;
mod counts;

use std::{error::Error, process::ExitCode};

use clap::Parser;

use crate::counts::Counts;

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/figures.json");

/// Counts the instructions of fixed workloads, and compares them with the committed figures.
#[derive(Parser)]
struct Arguments {
    /// Writes what is counted as the new figures, instead of comparing
    #[arg(long)]
    update: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// False: something is not as the figures say.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let counted = counts::count()?;
    if arguments.update {
        std::fs::write(FIGURES, serde_json::to_string_pretty(&counted)? + "\n")?;
    }
    let figures: Counts = serde_json::from_str(&std::fs::read_to_string(FIGURES)?)?;
    let (table, as_expected) = comparison::compare(&figures, &counted);
    print!("{table}");
    if !as_expected {
        println!(
            "Where this is meant, run `cargo run -p pip-services-instructions -- --update`, and say in the commit why."
        );
    }
    Ok(as_expected)
}
