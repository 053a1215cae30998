use std::time::Duration;

/// How long a message may take to arrive, and an operation to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long what needs no waiting may take.
pub(super) const PROMPT: Duration = Duration::from_secs(1);
/// How long a case may take.
pub(super) const WATCHDOG: Duration = Duration::from_secs(30);
/// How long to look for what must not come, once a later message has come.
pub(super) const QUIET: Duration = Duration::from_millis(100);
/// How long before something that shall find an operation waiting. It only makes that likely.
pub(super) const LEAD: Duration = Duration::from_millis(100);
/// How often to ask for what does not announce itself.
pub(super) const POLL: Duration = Duration::from_millis(5);

const VARIABLE: &str = "CONFORMANCE_TIME_SCALE";

/// How much longer than usual everything may take here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    scale: f64,
}

impl Pace {
    /// The pace that the environment asks for.
    pub(super) fn from_env() -> Result<Self, String> {
        match std::env::var(VARIABLE) {
            Ok(text) => Self::parse(&text),
            Err(_) => Ok(Self { scale: 1.0 }),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().parse() {
            Ok(scale) if (0.1..=1000.0).contains(&scale) => Ok(Self { scale }),
            _ => Err(format!("{VARIABLE} is '{text}'; it must be a number from 0.1 to 1000")),
        }
    }

    /// An upper limit of time, as it counts here.
    pub(super) fn limit(self, limit: Duration) -> Duration {
        limit.mul_f64(self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_stretches_limits_and_a_bad_one_is_an_error() {
        assert_eq!(Pace::parse("2.5").unwrap().limit(Duration::from_secs(2)), Duration::from_secs(5));
        for bad in ["", "0", "-1", "NaN", "fast", "1e9"] {
            let error = Pace::parse(bad).unwrap_err();
            assert!(error.contains(VARIABLE) && error.contains(bad), "{error}");
        }
    }
}
