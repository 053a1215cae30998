//! What limits each end where something grows, as the figures tell it.

use super::{chart, format, table::table};
use crate::{
    contenders::Ours,
    figures::{Figures, Measured},
    questions::{CPU_RECEIVER, CPU_SENDER, END_TO_END, QuestionId},
    statistics::percentile,
};

/// Ends that keep less of a processor busy than this are said to wait.
const WAITING: f64 = 0.5;

/// How busy each end is. `None` of a question in which nothing grows.
pub(super) fn limits(measured: &Measured, id: QuestionId) -> Option<String> {
    if !matches!(id, QuestionId::Payload | QuestionId::Queues) {
        return None;
    }
    let figures: Vec<&Figures> = measured.figures.iter().filter(|figures| figures.question == id).collect();
    let lanes = chart::lanes(&figures);
    let mut cases: Vec<&str> = figures.iter().map(|figures| figures.case.as_str()).collect();
    cases.dedup();
    let head = [""].into_iter().chain(lanes.iter().copied()).map(str::to_owned).collect();
    let rows = cases.iter().map(|case| {
        let cells = lanes.iter().map(|lane| match busy(measured, id, case, lane) {
            Some([sender, receiver]) => {
                format!("{} and {}", format::number(sender), format::number(receiver))
            }
            None => "–".into(),
        });
        [(*case).to_owned()].into_iter().chain(cells).collect()
    });
    let told = cases.iter().filter_map(|case| Some(sentence(case, busy(measured, id, case, Ours::NAME)?)));
    Some(format!(
        "What limits each end: how many processors the sender and the receiver keep busy, by the medians of rate and processor \
         time. An end that keeps a whole one busy can do no more on one thread; where neither keeps much busy, they wait, for \
         the broker or for each other.\n\n{}\n{} does so: {}.",
        table(&[head].into_iter().chain(rows).collect::<Vec<_>>()),
        Ours::NAME,
        told.collect::<Vec<_>>().join("; ")
    ))
}

/// How many processors the two ends keep busy.
fn busy(measured: &Measured, id: QuestionId, case: &str, lane: &str) -> Option<[f64; 2]> {
    let median = |metric: &str| {
        let values = measured.find(id, case, lane, metric)?.values();
        Some(percentile(&values, 0.5))
    };
    let hundred_thousands = median(END_TO_END.name)? / 100_000.0;
    let [sender, receiver] = [median(CPU_SENDER.name)?, median(CPU_RECEIVER.name)?];
    Some([sender * hundred_thousands, receiver * hundred_thousands])
}

fn sentence(case: &str, [sender, receiver]: [f64; 2]) -> String {
    let which = if sender > receiver { "sender" } else { "receiver" };
    match sender.max(receiver) < WAITING {
        true => format!("with {case} both ends wait"),
        false => format!("with {case} the {which} has more to do"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_busy_an_end_is_is_its_time_by_its_rate() {
        let mut measured = Measured::default();
        let of = (QuestionId::Payload, "16 B", Ours::NAME);
        for (metric, value) in [(END_TO_END, 50_000.0), (CPU_SENDER, 1.0), (CPU_RECEIVER, 2.4)] {
            measured.add(0, of, metric, value);
        }
        let told = limits(&measured, QuestionId::Payload).unwrap();
        assert!(told.contains("| 16 B | 0.50 and 1.20     |"), "{told}");
        assert!(told.ends_with("with 16 B the receiver has more to do."), "{told}");
        assert_eq!(limits(&measured, QuestionId::Send), None);
    }

    #[test]
    fn two_ends_with_little_to_do_wait() {
        assert_eq!(sentence("64 KiB", [0.1, 0.2]), "with 64 KiB both ends wait");
    }
}
