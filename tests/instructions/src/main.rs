//! Has callgrind count the instructions of the programs in `workloads`, and compares them with `figures.json`.
//!
//! It fails where one is more than a tenth above its figure, and also where it is more than a tenth below, so that the
//! figures stay true: then `--update` writes them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program whose purpose is to print figures")]

mod comparison;
mod counts;

use std::{env, error::Error, fs, process::ExitCode};

use crate::counts::Counts;

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/figures.json");

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["--update"] => update(),
        _ => Err("the only argument is --update, which writes what is counted as the new figures".into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what is counted is as the figures say.
fn compare() -> Result<bool, Box<dyn Error>> {
    let figures: Counts = serde_json::from_str(&fs::read_to_string(FIGURES)?)?;
    let (table, as_they_say) = comparison::compare(&figures, &counts::count()?);
    print!("{table}");
    if !as_they_say {
        println!(
            "Where that is meant, `cargo run -p {} -- --update` writes new figures.",
            env!("CARGO_PKG_NAME")
        );
    }
    Ok(as_they_say)
}

fn update() -> Result<bool, Box<dyn Error>> {
    let counted = serde_json::to_string_pretty(&counts::count()?)? + "\n";
    fs::write(FIGURES, &counted)?;
    print!("{counted}");
    Ok(true)
}
