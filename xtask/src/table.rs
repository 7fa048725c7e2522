//! Tables for people: columns as wide as their longest cell, on the terminal and in Markdown.

use std::fmt::Write as _;

/// How the cells of a column stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table: a heading and rows of as many cells each.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; a cell beyond the last column is not shown.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let widths = self.widths();
        let head: Vec<String> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut text = String::new();
        for row in std::iter::once(&head).chain(&self.rows) {
            let line = self.cells(row, &widths).join("  ");
            let _infallible = writeln!(text, "  {}", line.trim_end());
        }
        text
    }

    /// For a document.
    pub(crate) fn markdown(&self) -> String {
        let widths = self.widths();
        let head: Vec<String> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let rule = self.columns.iter().zip(&widths).map(|((_, side), width)| match side {
            Side::Left => "-".repeat(width.max(&3) + 2),
            Side::Right => format!("{}:", "-".repeat(width.max(&3) + 1)),
        });
        let rule = format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
        let line = |row: &Vec<String>| format!("| {} |\n", self.cells(row, &widths).join(" | "));
        let rows: String = self.rows.iter().map(line).collect();
        format!("{}{rule}{rows}", line(&head))
    }

    fn cells(&self, row: &[String], widths: &[usize]) -> Vec<String> {
        let padded = self.columns.iter().zip(widths).zip(row);
        padded
            .map(|(((_, side), width), cell)| match side {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            })
            .collect()
    }

    fn widths(&self) -> Vec<usize> {
        let longest = |(index, (name, _)): (usize, &(&str, Side))| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
            cells.chain([name.chars().count()]).max().unwrap_or_default()
        };
        self.columns.iter().enumerate().map(longest).collect()
    }
}

/// A count that a person can read: 1,234,567.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("name", Side::Left), ("count", Side::Right)]);
        table.push(vec!["a".to_owned(), "1,000,000".to_owned()]);
        table.push(vec!["longer".to_owned(), "7".to_owned()]);
        table
    }

    #[test]
    fn words_stand_left_and_numbers_right() {
        assert_eq!(table().text(), "  name        count\n  a       1,000,000\n  longer          7\n");
    }

    #[test]
    fn a_document_gets_the_same_with_its_rule() {
        let lines = "| name   |     count |\n|--------|----------:|\n| a      | 1,000,000 |\n| longer |         7 |\n";
        assert_eq!(table().markdown(), lines);
    }

    #[test]
    fn digits_are_in_groups_of_three() {
        let all = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(all, ["0", "999", "1,000", "1,234,567"]);
    }
}
