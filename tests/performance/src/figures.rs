use crate::questions::QuestionId;

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
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

    /// One by the other, in each round in which both were measured.
    pub(crate) fn ratios(one: &Figures, other: &Figures) -> Vec<f64> {
        let rounds = one.rounds.iter().zip(&other.rounds);
        rounds.filter_map(|(one, other)| Some((*one)? / (*other)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Metric = Metric { name: "rate", unit: "messages/s" };

    #[test]
    fn ratios_are_taken_within_a_round_and_leave_failed_rounds_out() {
        let mut measured = Measured::default();
        for (round, lane, value) in
            [(0, "one", 2.0), (2, "one", 9.0), (0, "other", 1.0), (1, "other", 5.0), (2, "other", 3.0)]
        {
            measured.add(round, (QuestionId::Send, "case", lane), RATE, value);
        }
        let [one, other] =
            ["one", "other"].map(|lane| measured.find(QuestionId::Send, "case", lane, "rate").unwrap());
        assert_eq!(Measured::ratios(one, other), [2.0, 3.0]);
        assert_eq!(one.values(), [2.0, 9.0]);
        assert!(measured.find(QuestionId::Send, "case", "one", "time").is_none());
    }
}
