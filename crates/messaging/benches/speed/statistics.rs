/// The value that a share of all values does not exceed; sorts them.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[(last as f64 * share).round() as usize]
}

/// The value in the middle; sorts them.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}
