use crate::questions::QuestionId;

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// Only a part of what another one tells.
    pub(crate) is_part: bool,
}

impl Metric {
    pub(crate) const fn of(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, is_part: false }
    }

    pub(crate) const fn part(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, is_part: true }
    }

    /// By what factor one value is better than another one.
    pub(crate) fn lead(self, one: f64, other: f64) -> f64 {
        if self.is_rate() { one / other } else { other / one }
    }

    /// Whether more is better; of all else less is.
    pub(crate) fn is_rate(self) -> bool {
        self.unit == "messages/s"
    }
}

/// What was measured of one contender in one case, round by round. `None` where it failed.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) question: QuestionId,
    pub(crate) case: String,
    pub(crate) lane: &'static str,
    pub(crate) metric: Metric,
    pub(crate) rounds: Vec<Option<f64>>,
}

impl Figures {
    /// Those of the rounds that did not fail.
    pub(crate) fn values(&self) -> Vec<f64> {
        self.rounds.iter().flatten().copied().collect()
    }
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) figures: Vec<Figures>,
    /// What failed, and why.
    pub(crate) failures: Vec<String>,
}

impl Measured {
    pub(crate) fn add(
        &mut self,
        round: usize,
        of: (QuestionId, &str, &'static str),
        metric: Metric,
        value: f64,
    ) {
        let (question, case, lane) = of;
        let same = |figures: &Figures| {
            (figures.question, figures.case.as_str(), figures.lane) == of && figures.metric == metric
        };
        let place = self.figures.iter().position(same).unwrap_or_else(|| {
            self.figures.push(Figures { question, case: case.to_owned(), lane, metric, rounds: Vec::new() });
            self.figures.len() - 1
        });
        let rounds = &mut self.figures[place].rounds;
        rounds.resize(round, None);
        rounds.push(Some(value));
    }

    pub(crate) fn find(
        &self,
        question: QuestionId,
        case: &str,
        lane: &str,
        metric: &str,
    ) -> Option<&Figures> {
        self.figures.iter().find(|figures| {
            (figures.question, figures.case.as_str(), figures.lane, figures.metric.name)
                == (question, case, lane, metric)
        })
    }

    /// The best of these lanes in each round.
    pub(crate) fn best(
        &self,
        question: QuestionId,
        case: &str,
        lanes: &[&str],
        metric: Metric,
    ) -> Vec<Option<f64>> {
        let lanes = lanes.iter().filter_map(|lane| self.find(question, case, lane, metric.name));
        lanes.fold(Vec::new(), |mut best: Vec<Option<f64>>, lane| {
            best.resize(best.len().max(lane.rounds.len()), None);
            for (best, value) in best.iter_mut().zip(&lane.rounds) {
                let values = best.iter().chain(value).copied();
                *best = values.reduce(if metric.is_rate() { f64::max } else { f64::min });
            }
            best
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Metric = Metric::of("rate", "messages/s");
    const TIME: Metric = Metric::of("time", "s");

    #[test]
    fn the_best_of_several_lanes_is_taken_round_by_round() {
        let mut measured = Measured::default();
        for (round, lane, value) in [(0, "one", 2.0), (2, "one", 9.0), (0, "other", 3.0), (1, "other", 5.0)] {
            measured.add(round, (QuestionId::Send, "case", lane), RATE, value);
            measured.add(round, (QuestionId::Send, "case", lane), TIME, value);
        }
        let best = |metric| measured.best(QuestionId::Send, "case", &["one", "other", "nobody"], metric);
        assert_eq!(best(RATE), [Some(3.0), Some(5.0), Some(9.0)]);
        assert_eq!(best(TIME), [Some(2.0), Some(5.0), Some(9.0)]);
        assert_eq!(measured.best(QuestionId::Send, "case", &["nobody"], RATE), []);
    }

    #[test]
    fn who_leads_has_the_higher_rate_or_the_shorter_time() {
        assert_eq!((RATE.lead(3.0, 2.0), TIME.lead(2.0, 3.0)), (1.5, 1.5));
    }
}
