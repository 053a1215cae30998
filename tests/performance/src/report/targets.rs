use super::{format, table::table};
use crate::{
    contenders::{Ours, Paho, Python, Rumqttc},
    figures::{Figures, Measured},
    questions::{ALLOCATIONS, CPU, END_TO_END, MEMORY_AFTER, P99, QuestionId, SENT},
    statistics::percentile,
};

const TASKS: &str = "pip-services-mqtt, 100 tasks";
const BATCH: &str = "pip-services-mqtt, send_batch";
const ENVELOPE: &str = "pip-services-mqtt, envelope";

/// Where the median has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
    Above(f64),
    Below(f64),
}

impl Limit {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) => value <= limit,
            Self::Above(limit) => value > limit,
            Self::Below(limit) => value < limit,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::AtLeast(limit) => format!("≥ {limit}"),
            Self::AtMost(limit) => format!("≤ {limit}"),
            Self::Above(limit) => format!("> {limit}"),
            Self::Below(limit) => format!("< {limit}"),
        }
    }
}

/// What this project wants to be: most as a ratio to raw paho-mqtt, in the same round.
struct Target {
    text: String,
    limit: Limit,
    /// The ratio of each round. Empty where it was not measured.
    measured: Vec<f64>,
}

/// The table of what is wanted, what was measured, and whether that is enough.
pub(super) fn targets(measured: &Measured) -> String {
    let head = ["target", "wanted", "measured", "met"].map(str::to_owned).to_vec();
    let rows = all(measured).into_iter().map(|target| {
        let median = percentile(&target.measured, 0.5);
        let met = match target.measured.is_empty() {
            true => "not measured",
            false if target.limit.is_met(median) => "yes",
            false => "**no**",
        };
        vec![target.text, target.limit.shown(), format::spread(&target.measured), met.to_owned()]
    });
    table(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}

fn all(measured: &Measured) -> Vec<Target> {
    use QuestionId::{Allocations, Cost, EndToEnd, Latency, Payload, Send};
    let figures = |question, case: &str, lane, metric: &str| measured.find(question, case, lane, metric);
    let ratio = |question, case: &str, one, other, metric| {
        let pair = figures(question, case, one, metric).zip(figures(question, case, other, metric));
        pair.map(|(one, other)| Measured::ratios(one, other)).unwrap_or_default()
    };
    // The better of two ways to send many.
    let many = |case: &str| {
        let [tasks, batch] = [TASKS, BATCH].map(|lane| ratio(Send, case, lane, Paho::NAME, SENT.name));
        let (name, ratios) = match percentile(&tasks, 0.5) > percentile(&batch, 0.5) {
            true => ("100 tasks", tasks),
            false => ("send_batch", batch),
        };
        (format!("send, {case} ({name}), beside paho-mqtt"), ratios)
    };
    let target = |text: String, limit, measured| Target { text, limit, measured };
    let mut targets = Vec::new();
    for case in ["QoS 0, many at once", "QoS 1, many at once"] {
        let (text, ratios) = many(case);
        targets.push(target(text, Limit::AtLeast(0.95), ratios));
    }
    let case = "QoS 1, each awaited";
    let ratios = ratio(Send, case, Ours::NAME, Paho::NAME, SENT.name);
    targets.push(target(format!("send, {case}, beside paho-mqtt"), Limit::AtLeast(0.95), ratios));
    for case in ["QoS 0", "QoS 1"] {
        let ratios = ratio(EndToEnd, case, Ours::NAME, Paho::NAME, END_TO_END.name);
        targets.push(target(format!("end to end, {case}, beside paho-mqtt"), Limit::AtLeast(0.9), ratios));
    }
    for (metric, what) in [(SENT, "send"), (END_TO_END, "end to end")] {
        let ratios = ratio(Payload, "100 B", ENVELOPE, Ours::NAME, metric.name);
        let text = format!("{what}, QoS 0, 100 B, with the envelope beside without");
        targets.push(target(text, Limit::Above(0.75), ratios));
    }
    let case = "a receive that waits";
    let ratios = ratio(Latency, case, Ours::NAME, Paho::NAME, P99.name);
    targets.push(target(
        format!("p99 of the latency to {case}, beside paho-mqtt"),
        Limit::AtMost(1.2),
        ratios,
    ));
    let ratios = ratio(Latency, case, Ours::NAME, Python::NAME, P99.name);
    targets.push(target("the same beside the Python queue".into(), Limit::Below(0.05), ratios));
    for case in ["each awaited", "many at once"] {
        let own =
            figures(Allocations, case, Ours::NAME, ALLOCATIONS.name).map(Figures::values).unwrap_or_default();
        targets.push(target(format!("allocations of a message, {case}"), Limit::AtMost(6.0), own));
    }
    for case in ["QoS 0, 200 000 messages", "QoS 1, 100 000 messages"] {
        let ratios = ratio(Cost, case, Ours::NAME, Paho::NAME, CPU.name);
        targets.push(target(format!("processor time, {case}, beside paho-mqtt"), Limit::AtMost(1.1), ratios));
    }
    let ratios = ratio(Cost, "QoS 0, 1 000 000 messages", Ours::NAME, Paho::NAME, MEMORY_AFTER.name);
    targets.push(target(
        "memory of a receiver after 1 000 000 messages, beside paho-mqtt".into(),
        Limit::AtMost(1.5),
        ratios,
    ));
    targets
}

/// The table of where others are ahead of this project and by what factor, by the medians of all rounds. `None` where
/// nobody is.
pub(super) fn ahead(measured: &Measured) -> Option<String> {
    const PEERS: [&str; 3] = [Paho::NAME, Rumqttc::NAME, Python::NAME];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for one in &measured.figures {
        let of = |lane| measured.find(one.question, &one.case, lane, one.metric.name);
        let what = format!("{}, {}: {}", one.question.name(), one.case, one.metric.name);
        if rows.iter().any(|row| row[0] == what) {
            continue;
        }
        let factors = PEERS.map(|peer| {
            // Of several ways of this project, the best one.
            let ours = [Ours::NAME, TASKS, BATCH].into_iter().filter_map(of);
            let factors = ours.filter_map(|ours| Some(lead_of(of(peer)?, ours)));
            factors.reduce(f64::min).filter(|factor| *factor > 1.0)
        });
        if factors.iter().any(Option::is_some) {
            let cells = factors.map(|factor| factor.map_or("–".into(), format::number));
            rows.push([what].into_iter().chain(cells).collect());
        }
    }
    let head = [""].into_iter().chain(PEERS).map(str::to_owned).collect();
    (!rows.is_empty()).then(|| table(&[head].into_iter().chain(rows).collect::<Vec<_>>()))
}

/// By what factor one is better than the other.
fn lead_of(one: &Figures, other: &Figures) -> f64 {
    let [median, others] = [one, other].map(|figures| percentile(&figures.values(), 0.5));
    if one.metric.unit == "messages/s" { median / others } else { others / median }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(ours: f64, theirs: f64) -> Measured {
        let mut measured = Measured::default();
        let mut add = |lane, value| measured.add(0, (QuestionId::EndToEnd, "QoS 0", lane), END_TO_END, value);
        add(Ours::NAME, ours);
        add(Paho::NAME, theirs);
        measured
    }

    #[test]
    fn a_target_is_met_missed_or_not_measured() {
        let line = |measured: &Measured, text: &str| {
            targets(measured).lines().find(|line| line.contains(text)).unwrap().to_owned()
        };
        assert!(line(&measured(90.0, 100.0), "end to end, QoS 0, beside").contains("| yes"));
        assert!(line(&measured(89.0, 100.0), "end to end, QoS 0, beside").contains("**no**"));
        assert!(line(&measured(1.0, 1.0), "end to end, QoS 1").contains("not measured"));
    }

    #[test]
    fn who_is_ahead_is_told_with_the_factor() {
        let told = ahead(&measured(50.0, 100.0)).unwrap();
        let cells: Vec<&str> = told.lines().last().unwrap().split('|').map(str::trim).collect();
        assert_eq!(cells, ["", "end-to-end, QoS 0: received", "2.00", "–", "–", ""]);
        assert_eq!(ahead(&measured(100.0, 50.0)), None);
    }

    #[test]
    fn limits_with_and_without_their_edge_differ() {
        assert!(Limit::AtLeast(0.9).is_met(0.9) && Limit::AtMost(0.9).is_met(0.9));
        assert!(!Limit::Above(0.9).is_met(0.9) && !Limit::Below(0.9).is_met(0.9));
    }
}
