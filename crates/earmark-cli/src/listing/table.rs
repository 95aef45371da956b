//! Columns that line up.

use std::fmt;

/// A table for people: as wide as it needs to be, without a rule or a frame.
pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(head: [&str; COLUMNS]) -> Self {
        Self { rows: vec![head.map(String::from)] }
    }

    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    }

    /// A column of numbers lines up on the right.
    fn is_numeric(&self, column: usize) -> bool {
        let is_number = |cell: &String| cell.parse::<f64>().is_ok();
        self.rows.len() > 1 && self.rows.iter().skip(1).all(|row| is_number(&row[column]))
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<(usize, bool)> =
            (0..COLUMNS).map(|column| (self.width(column), self.is_numeric(column))).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, (width, is_numeric)) in row.iter().zip(&columns) {
                let gap = if line.is_empty() { "" } else { "  " };
                line += &if *is_numeric {
                    format!("{gap}{cell:>width$}")
                } else {
                    format!("{gap}{cell:<width$}")
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_line_up_on_the_left_and_numbers_on_the_right() {
        let mut table = Table::new(["NAME", "N", "WHY"]);
        table.row([String::from("é"), String::from("7"), String::from("-")]);
        table.row([String::from("longer"), String::from("12.5"), String::from("so it is")]);
        assert_eq!(
            table.to_string(),
            "NAME       N  WHY\né          7  -\nlonger  12.5  so it is\n"
        );
    }
}
