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

const TIME_SCALE: &str = "CONFORMANCE_TIME_SCALE";
const STRESS: &str = "CONFORMANCE_STRESS";
/// The seed of random choices that shall be made again.
pub(super) const SEED: &str = "CONFORMANCE_SEED";
/// What stress multiplies counts by.
const STRESS_FACTOR: u16 = 10;

/// How much longer than usual everything may take here, and how much more there is of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    scale: f64,
    stress: u16,
    seed: Option<u64>,
}

impl Pace {
    /// The pace that the environment asks for.
    pub(super) fn from_env() -> Result<Self, String> {
        let variable = |name| std::env::var(name).ok();
        Self::parse(variable(TIME_SCALE).as_deref(), variable(STRESS).as_deref(), variable(SEED).as_deref())
    }

    fn parse(time_scale: Option<&str>, stress: Option<&str>, seed: Option<&str>) -> Result<Self, String> {
        let scale = match time_scale.map(|text| (text, text.trim().parse())) {
            None => 1.0,
            Some((_, Ok(scale))) if (0.1..=1000.0).contains(&scale) => scale,
            Some((text, _)) => {
                return Err(format!("{TIME_SCALE} is '{text}'; it must be a number from 0.1 to 1000"));
            }
        };
        let stress = match stress.map(str::trim) {
            None | Some("" | "0") => 1,
            Some("1") => STRESS_FACTOR,
            Some(text) => return Err(format!("{STRESS} is '{text}'; it must be 0 or 1")),
        };
        let seed = seed.map(|text| {
            text.trim().parse().map_err(|_| format!("{SEED} is '{text}'; it must be a whole number"))
        });
        Ok(Self { scale, stress, seed: seed.transpose()? })
    }

    /// An upper limit of time, as it counts here.
    pub(super) fn limit(self, limit: Duration) -> Duration {
        limit.mul_f64(self.scale)
    }

    /// How long a case may take here.
    pub(super) fn watchdog(self) -> Duration {
        self.limit(WATCHDOG) * u32::from(self.stress)
    }

    /// The seed that is asked for.
    pub(super) fn seed(self) -> Option<u64> {
        self.seed
    }

    /// How many a stress case sends.
    pub(super) fn count(self, count: usize) -> usize {
        count * usize::from(self.stress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_stretches_limits_and_a_bad_one_is_an_error() {
        let pace = Pace::parse(Some("2.5"), None, None).unwrap();
        assert_eq!(pace.limit(Duration::from_secs(2)), Duration::from_secs(5));
        assert_eq!(pace.watchdog(), Duration::from_secs(75));
        for bad in ["", "0", "-1", "NaN", "fast", "1e9"] {
            let error = Pace::parse(Some(bad), None, None).unwrap_err();
            assert!(error.contains(TIME_SCALE) && error.contains(bad), "{error}");
        }
    }

    #[test]
    fn stress_multiplies_counts_and_the_time_for_them() {
        let pace = Pace::parse(None, Some("1"), None).unwrap();
        assert_eq!((pace.count(250), pace.watchdog()), (2500, Duration::from_secs(300)));
        for none in [None, Some("0"), Some("")] {
            assert_eq!(Pace::parse(None, none, None).unwrap().count(250), 250);
        }
        assert!(Pace::parse(None, Some("yes"), None).unwrap_err().contains("CONFORMANCE_STRESS is 'yes'"));
    }

    #[test]
    fn a_seed_is_a_whole_number() {
        assert_eq!(Pace::parse(None, None, Some("18")).unwrap().seed(), Some(18));
        assert!(Pace::parse(None, None, Some("-1")).unwrap_err().contains("CONFORMANCE_SEED is '-1'"));
    }
}
