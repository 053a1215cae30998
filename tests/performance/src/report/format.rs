use crate::statistics::Spread;

/// A number for people, with three digits that count: `1.23`, `45.6`, `123 000`.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "–".into(),
        size if size >= 1_000.0 => thousands(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        size if size >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// `123 (110..140)`, or `123` where all are the same.
pub(super) fn spread(values: &[f64]) -> String {
    match Spread::of(values) {
        Some(Spread { median, min, max }) if min == max => number(median),
        Some(Spread { median, min, max }) => format!("{} ({}..{})", number(median), number(min), number(max)),
        None => "–".into(),
    }
}

fn thousands(value: f64) -> String {
    // To three digits: what is behind them changes from run to run.
    let unit = 10f64.powf(value.abs().log10().floor() - 2.0);
    let digits = format!("{:.0}", (value / unit).round() * unit);
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        let cases = [
            (0.00123, "0.0012"),
            (0.1234, "0.12"),
            (12.345, "12.3"),
            (123.4, "123"),
            (1234.0, "1 230"),
            (1_234_567.0, "1 230 000"),
        ];
        for (value, shown) in cases {
            assert_eq!(number(value), shown);
        }
        assert_eq!(number(f64::NAN), "–");
    }

    #[test]
    fn a_spread_is_the_median_between_the_ends() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), "2.00 (1.00..3.00)");
        assert_eq!(spread(&[2.0, 2.0]), "2.00");
        assert_eq!(spread(&[]), "–");
    }
}
