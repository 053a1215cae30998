use std::{collections::BTreeSet, fmt::Write};

use crate::counts::Counts;

/// How far from its figure a count may be, in per cent of the figure.
const SLACK: u64 = 10;

/// The counts beside the figures, and whether all of them are near enough.
pub(crate) fn compare(figures: &Counts, counted: &Counts) -> (String, bool) {
    let names: BTreeSet<&String> = figures.keys().chain(counted.keys()).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or_default();
    let mut table = format!("{:width$} {:>12} {:>12}\n", "", "figure", "counted");
    let mut all_near = true;
    for name in names {
        let (figure, count) = (figures.get(name), counted.get(name));
        let (verdict, near) = verdict(figure, count);
        let shown = |value: Option<&u64>| value.map_or_else(|| "-".to_owned(), u64::to_string);
        let _ = writeln!(table, "{name:width$} {:>12} {:>12}  {verdict}", shown(figure), shown(count));
        all_near &= near;
    }
    (table, all_near)
}

fn verdict(figure: Option<&u64>, count: Option<&u64>) -> (String, bool) {
    let (Some(&figure), Some(&count)) = (figure, count) else {
        let what = if figure.is_none() { "has no figure" } else { "is no workload" };
        return (format!("FAILED: {what}"), false);
    };
    let change = format!("{:+.1} %", (count as f64 / figure as f64 - 1.0) * 100.0);
    match figure.abs_diff(count) * 100 <= figure * SLACK {
        true => (change, true),
        false if count > figure => (format!("{change} FAILED: over {SLACK} % more"), false),
        false => (format!("{change} FAILED: over {SLACK} % less, so the figure is no longer true"), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(counts: [(&str, u64); N]) -> Counts {
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    fn passes(figure: u64, count: u64) -> bool {
        compare(&counts([("encode", figure)]), &counts([("encode", count)])).1
    }

    #[test]
    fn a_tenth_more_or_less_passes_and_one_instruction_further_does_not() {
        assert!(passes(1000, 1000) && passes(1000, 1100) && passes(1000, 900));
        assert!(!passes(1000, 1101) && !passes(1000, 899));
        assert!(!passes(1000, 0), "nothing was counted");
    }

    #[test]
    fn one_workload_of_many_that_is_too_slow_fails() {
        let (table, passed) = compare(
            &counts([("a", 1000), ("b", 1000), ("c", 1000)]),
            &counts([("a", 1000), ("b", 1150), ("c", 1000)]),
        );
        assert!(!passed);
        let failed: Vec<&str> = table.lines().filter(|line| line.contains("FAILED")).collect();
        assert!(failed.len() == 1 && failed[0].starts_with("b ") && failed[0].contains("+15.0 %"), "{table}");
    }

    #[test]
    fn a_workload_without_a_figure_and_a_figure_without_a_workload_fail() {
        assert!(!compare(&counts([]), &counts([("a", 1)])).1);
        assert!(!compare(&counts([("a", 1)]), &counts([])).1);
    }
}
