//! Where another client is ahead, and how far.

use super::{format, table::table};
use crate::{
    contenders::{Ours, Paho, Python, Rumqttc},
    figures::Measured,
    statistics::percentile,
};

const OURS: [&str; 3] = [Ours::NAME, Ours::BY_TASKS, Ours::BY_BATCH];
const PEERS: [&str; 3] = [Paho::NAME, Rumqttc::NAME, Python::NAME];

/// How far this project is from the best of the others in something.
pub(super) struct Distance {
    pub(super) what: String,
    pub(super) best: &'static str,
    /// By what factor the best one is better than this project. Below one, it is behind.
    pub(super) factor: f64,
    ours: f64,
    theirs: f64,
    unit: &'static str,
}

/// By the medians of all rounds, each thing once.
pub(super) fn distances(measured: &Measured) -> Vec<Distance> {
    let mut distances: Vec<Distance> = Vec::new();
    for one in measured.figures.iter().filter(|one| OURS.contains(&one.lane) && !one.metric.is_part) {
        let what = format!("{}, {}: {}", one.question.name(), one.case, one.metric.name);
        if distances.iter().any(|distance| distance.what == what) {
            continue;
        }
        let median = |lane: &'static str| {
            let found = measured.find(one.question, &one.case, lane, one.metric.name)?;
            Some((lane, percentile(&found.values(), 0.5)))
        };
        let best = |lanes: [&'static str; 3]| {
            let medians = lanes.into_iter().filter_map(median);
            medians.max_by(|(_, one_value), (_, other)| one.metric.lead(*one_value, *other).total_cmp(&1.0))
        };
        if let (Some((_, ours)), Some((best, theirs))) = (best(OURS), best(PEERS)) {
            let factor = one.metric.lead(theirs, ours);
            distances.push(Distance { what, best, factor, ours, theirs, unit: one.metric.unit });
        }
    }
    distances
}

/// The table, with what is furthest away first.
pub(super) fn ahead(distances: &[Distance]) -> String {
    let mut behind: Vec<&Distance> = distances.iter().filter(|distance| distance.factor > 1.0).collect();
    behind.sort_by(|one, other| other.factor.total_cmp(&one.factor));
    let head = ["", "unit", Ours::NAME, "best", "whose", "ahead"].map(str::to_owned).to_vec();
    let rows = behind.iter().map(|distance| {
        let [ours, theirs] = [distance.ours, distance.theirs].map(format::number);
        let factor = format!("{} times", format::number(distance.factor));
        vec![distance.what.clone(), distance.unit.to_owned(), ours, theirs, distance.best.to_owned(), factor]
    });
    let told = format!(
        "Another one is ahead in {} of {} things that were measured, of which those are left out that are only a part of \
         another one.",
        behind.len(),
        distances.len()
    );
    format!("{told}\n\n{}", table(&[head].into_iter().chain(rows).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        figures::Metric,
        questions::{END_TO_END, P99, QuestionId},
    };

    fn measured(metric: Metric, figures: &[(&'static str, f64)]) -> Measured {
        let mut measured = Measured::default();
        for (lane, value) in figures {
            measured.add(0, (QuestionId::EndToEnd, "QoS 0", lane), metric, *value);
        }
        measured
    }

    #[test]
    fn the_best_of_the_others_is_told_with_the_factor() {
        let figures = [(Ours::NAME, 50.0), (Rumqttc::NAME, 100.0), (Paho::NAME, 80.0)];
        let told = ahead(&distances(&measured(END_TO_END, &figures)));
        assert!(told.starts_with("Another one is ahead in 1 of 1 "), "{told}");
        let cells: Vec<&str> = told.lines().last().unwrap().split('|').map(str::trim).collect();
        let row =
            ["", "end-to-end, QoS 0: received", "messages/s", "50.0", "100", "rumqttc", "2.00 times", ""];
        assert_eq!(cells, row);
    }

    #[test]
    fn of_several_ways_of_this_project_the_best_one_counts_and_less_time_is_better() {
        let figures = [(Ours::BY_TASKS, 3.0), (Ours::BY_BATCH, 2.0), (Paho::NAME, 4.0)];
        let [distance] = distances(&measured(P99, &figures)).try_into().ok().unwrap();
        assert_eq!((distance.factor, distance.best), (0.5, Paho::NAME));
        assert!(ahead(&[distance]).starts_with("Another one is ahead in 0 of 1 "));
    }

    #[test]
    fn what_is_a_part_of_something_or_nobody_else_does_is_no_distance() {
        let part = Metric::part("a part", "s");
        assert!(distances(&measured(part, &[(Ours::NAME, 2.0), (Paho::NAME, 1.0)])).is_empty());
        assert!(distances(&measured(P99, &[(Ours::NAME, 2.0)])).is_empty());
    }
}
