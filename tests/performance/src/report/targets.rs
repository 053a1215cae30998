use super::{format, table::table};
use crate::{
    contenders::{Ours, Paho, Python, Relayed},
    figures::{Figures, Measured, Metric},
    questions::{ALLOCATIONS, CPU, END_TO_END, MEMORY_AFTER, MILLION, P99, QuestionId, SENT},
    statistics::percentile,
};

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
    /// The same of paho-mqtt with a relay; where messages do not pass one, of paho-mqtt. Empty where that says nothing.
    within_reach: Vec<f64>,
    /// The ratio to paho-mqtt with a relay.
    relayed: Vec<f64>,
}

/// The table of what is wanted, what was measured, and whether that is enough.
pub(super) fn targets(measured: &Measured) -> String {
    let head = ["target", "wanted", "measured", "met", "within reach", "beside paho-mqtt through a relay"];
    let rows = all(measured).into_iter().map(|target| {
        let median = percentile(&target.measured, 0.5);
        let met = match target.measured.is_empty() {
            true => "not measured",
            false if target.limit.is_met(median) => "yes",
            false => "**no**",
        };
        let [measured, within_reach, relayed] =
            [&target.measured, &target.within_reach, &target.relayed].map(|ratios| format::spread(ratios));
        vec![target.text, target.limit.shown(), measured, met.to_owned(), within_reach, relayed]
    });
    let head = head.map(str::to_owned).to_vec();
    table(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}

fn all(measured: &Measured) -> Vec<Target> {
    use QuestionId::{Allocations, Cost, EndToEnd, Latency, Payload, Send};
    let ratio = |question, case: &str, ours: &[&str], other, metric: Metric| {
        let ours = measured.best(question, case, ours, metric);
        let other = measured.best(question, case, &[other], metric);
        ours.iter().zip(other).filter_map(|(ours, other)| Some((*ours)? / other?)).collect::<Vec<_>>()
    };
    let beside_paho = |question, case: &str, ours: &[&str], metric, what: &str, limit| Target {
        text: format!("{what}, beside paho-mqtt"),
        limit,
        measured: ratio(question, case, ours, Paho::NAME, metric),
        within_reach: ratio(question, case, &[Relayed::NAME], Paho::NAME, metric),
        relayed: ratio(question, case, ours, Relayed::NAME, metric),
    };
    let other = |text: String, limit, measured| Target {
        text,
        limit,
        measured,
        within_reach: Vec::new(),
        relayed: Vec::new(),
    };
    let mut targets = Vec::new();
    for case in ["QoS 0, many at once", "QoS 1, many at once", "QoS 1, each awaited"] {
        let ours = [Ours::NAME, Ours::BY_TASKS, Ours::BY_BATCH];
        targets.push(beside_paho(Send, case, &ours, SENT, &format!("send, {case}"), Limit::AtLeast(0.95)));
    }
    for case in ["QoS 0", "QoS 1"] {
        let what = format!("end to end, {case}");
        targets.push(beside_paho(EndToEnd, case, &[Ours::NAME], END_TO_END, &what, Limit::AtLeast(0.9)));
    }
    for (metric, what) in [(SENT, "send"), (END_TO_END, "end to end")] {
        let ratios = ratio(Payload, "100 B", &[Ours::WITH_ENVELOPE], Ours::NAME, metric);
        let text = format!("{what}, QoS 0, 100 B, with the envelope beside without");
        targets.push(other(text, Limit::Above(0.75), ratios));
    }
    let case = "a receive that waits";
    let what = format!("p99 of the latency to {case}");
    targets.push(beside_paho(Latency, case, &[Ours::NAME], P99, &what, Limit::AtMost(1.2)));
    let ratios = ratio(Latency, case, &[Ours::NAME], Python::NAME, P99);
    targets.push(other("the same, beside the Python queue".into(), Limit::Below(0.05), ratios));
    for case in ["each awaited", "many at once"] {
        let [own, paho] = [Ours::NAME, Paho::NAME].map(|who| {
            let figures = measured.find(Allocations, case, who, ALLOCATIONS.name);
            figures.map(Figures::values).unwrap_or_default()
        });
        let target = other(format!("allocations of a message, {case}"), Limit::AtMost(6.0), own);
        targets.push(Target { within_reach: paho, ..target });
    }
    for case in ["QoS 0", "QoS 1"] {
        let what = format!("processor time, {case}");
        targets.push(beside_paho(EndToEnd, case, &[Ours::NAME], CPU, &what, Limit::AtMost(1.1)));
    }
    let what = "memory of a receiver after 1 000 000 messages";
    targets.push(beside_paho(Cost, MILLION, &[Ours::NAME], MEMORY_AFTER, what, Limit::AtMost(1.5)));
    targets
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
    fn the_relay_s_ratio_stands_beside_that_to_paho() {
        let mut measured = measured(90.0, 100.0);
        measured.add(0, (QuestionId::EndToEnd, "QoS 0", Relayed::NAME), END_TO_END, 60.0);
        let line = targets(&measured);
        let line = line.lines().find(|line| line.contains("end to end, QoS 0, beside")).unwrap();
        assert!(line.contains("| 0.90     | yes          | 0.60         | 1.50 "), "{line}");
    }

    #[test]
    fn limits_with_and_without_their_edge_differ() {
        assert!(Limit::AtLeast(0.9).is_met(0.9) && Limit::AtMost(0.9).is_met(0.9));
        assert!(!Limit::Above(0.9).is_met(0.9) && !Limit::Below(0.9).is_met(0.9));
    }
}
