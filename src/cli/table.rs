//! Columns of text.

/// Lays rows out in columns as wide as their widest cell; the last column is not padded.
pub(crate) fn columns(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let cells: Vec<String> = widths.iter().zip(row).map(|(width, cell)| format!("{cell:<width$}")).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// Names and values, one a line, the values under each other.
pub(crate) fn facts(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_each_other() {
        let rows = vec![vec!["1".to_owned(), "ÖBB".to_owned()], vec!["100".to_owned(), "x".to_owned()]];
        assert_eq!(columns(&["N", "NAME"], &rows), "N    NAME\n1    ÖBB\n100  x\n");
        assert_eq!(facts(&[("a", "1".into()), ("name", "2".into())]), "a     1\nname  2\n");
    }
}
