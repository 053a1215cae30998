use std::fmt::Write as _;

use super::{chart, distance, distance_chart, format, limits, table::table, targets, texts};
use crate::{
    contenders::{Paho, Python, Rumqttc},
    context::Context,
    figures::{Figures, Measured, Metric},
    machine::Machine,
    outcome::Outcome,
    questions::QuestionId,
};

/// The whole page. Charts are written beside it.
pub(super) fn page(context: &Context, measured: &Measured, load: &str) -> Outcome<String> {
    let mut page = format!("# Performance\n\n{}\n\n{}", introduction(context), environment(context, load));
    write!(
        page,
        "\n## Targets\n\nRatios of the same round; median and range of all rounds. Of several ways to do something the best \
         one of the round counts, on both sides. The C library below paho-mqtt frees a message twice when a write fails, \
         and so ends the process, and calls back on one thread for all clients of a process. This project keeps a relay between \
         it and the broker, so that no write fails, and calls listeners on tasks of their own. *Within reach* is \
         what paho-mqtt itself keeps with the least of both, a relay that only copies bytes and a task that takes messages from \
         its stream; of allocations, what paho-mqtt has alone. The last column has the ratio to that.\n\n{}",
        targets::targets(measured)
    )?;
    let distances = distance::distances(measured);
    if !distances.is_empty() {
        let title = "The distance to the best other client";
        let chart = distance_chart::draw(&context.out, &distances)?;
        write!(page, "\n## {title}\n\n![{title}]({chart})\n\n{}", distance::ahead(&distances))?;
    }
    for &id in &context.questions {
        let (title, text) = texts::question(id);
        write!(page, "\n## {title}\n\n{text}\n\n{}", section(measured, id))?;
        for file in chart::draw(&context.out, measured, id)? {
            write!(page, "\n![{title}]({file})\n")?;
        }
        if let Some(limits) = limits::limits(measured, id) {
            write!(page, "\n{limits}\n")?;
        }
    }
    if !measured.failures.is_empty() {
        write!(page, "\n## What failed\n\n- {}\n", measured.failures.join("\n- "))?;
    }
    Ok(page)
}

fn introduction(context: &Context) -> String {
    let rounds = if context.rounds == 1 { "one round".into() } else { format!("{} rounds", context.rounds) };
    format!(
        "This project beside who does the same, measured in one run. This page and its charts are written by\n\n\
         ```sh\n{}\n```\n\n\
         Each measurement is a process of its own, against one Mosquitto. Contenders take turns, round after round; figures \
         are the median of {}, with the lowest and the highest. Absolute figures differ from machine to machine and \
         from run to run; the ratios of one run can be compared. A message at QoS 0 counts as sent when the broker has it: \
         the answer to a last message at QoS 1 is waited for.",
        context.command, rounds
    )
}

fn environment(context: &Context, load: &str) -> String {
    let machine = &context.machine;
    let version = |name: &str| format!("{name} {}", Machine::version_of(name));
    let mut contenders = ["pip-services-mqtt", Paho::NAME, Rumqttc::NAME].map(version).join(", ");
    if let Some(python) = &machine.python {
        contenders += &format!(", {} ({python}, {})", Python::NAME, Python::PACKAGES.join(", "));
    }
    let rows = [
        ["", ""],
        ["cores", &format!("{}, {}", machine.cores, machine.processor)],
        ["system", &machine.system],
        ["broker", &machine.mosquitto],
        ["compiler", &machine.rustc],
        ["contenders", &contenders],
        ["load before and after", &format!("{} and {load}", machine.load)],
    ];
    table(&rows.map(|row| row.map(str::to_owned).to_vec()))
}

/// The figures of a question: cases and metrics down, contenders across.
fn section(measured: &Measured, id: QuestionId) -> String {
    let figures: Vec<&Figures> = measured.figures.iter().filter(|figures| figures.question == id).collect();
    let mut rows: Vec<(&str, Metric)> = Vec::new();
    for figures in &figures {
        let row = (figures.case.as_str(), figures.metric);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let lanes = chart::lanes(&figures);
    let head = ["", "unit"].into_iter().chain(lanes.iter().copied()).map(str::to_owned).collect();
    let several = figures.iter().any(|figures| figures.metric != rows[0].1);
    let rows = rows.into_iter().map(|(case, metric)| {
        let name = if several { format!("{case}: {}", metric.name) } else { case.to_owned() };
        let cells = lanes.iter().map(|lane| {
            let found = measured.find(id, case, lane, metric.name);
            found.map_or("–".into(), |figures| format::spread(&figures.values()))
        });
        [name, metric.unit.to_owned()].into_iter().chain(cells).collect()
    });
    table(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}
