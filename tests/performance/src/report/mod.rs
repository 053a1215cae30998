//! What is told in the end: on the screen, and in `performance.md` with its charts.

mod chart;
mod distance;
mod distance_chart;
mod format;
mod limits;
mod markdown;
mod table;
mod targets;
mod texts;

use std::fs;

use crate::{context::Context, figures::Measured, machine, outcome::Outcome};

/// Prints the tables, and writes them and the charts into the folder of the context.
pub(crate) fn write(context: &Context, measured: &Measured) -> Outcome<()> {
    fs::create_dir_all(&context.out)?;
    let page = markdown::page(context, measured, &machine::load()?)?;
    let file = context.out.join("performance.md");
    fs::write(&file, &page)?;
    println!("{page}");
    eprintln!("written to {}", file.display());
    match measured.failures.as_slice() {
        [] => Ok(()),
        failures => Err(format!("{} measurements failed", failures.len()).into()),
    }
}
