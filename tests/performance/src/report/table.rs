/// A table in Markdown, padded so that it can be read as text. The first row is the head.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut rows = rows.iter();
    let head = rows.next().map(|row| line(row)).unwrap_or_default();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    head + &format!("|-{}-|\n", rule.join("-|-")) + &rows.map(|row| line(row)).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".into(), "µs".into()], vec!["long".into(), "1".into()]];
        assert_eq!(table(&rows), "| a    | µs |\n|------|----|\n| long | 1  |\n");
    }
}
