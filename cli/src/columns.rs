//! Columns of text for people: as wide as their widest cell.

use std::io::{self, Write};

/// Rows under a heading.
#[derive(Debug)]
pub struct Columns {
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// No rows yet.
    pub fn new<const N: usize>(heading: [&str; N]) -> Columns {
        Columns { rows: vec![heading.map(str::to_owned).into()] }
    }

    /// One more row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// All of them, each line behind `indent`.
    pub fn print(&self, indent: &str, out: &mut dyn Write) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
        let widths: Vec<usize> =
            (0..columns).map(|at| self.rows.iter().map(|row| cell(row, at)).max().unwrap_or(0)).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(out, "{}", format!("{indent}{line}").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut columns = Columns::new(["A", "LONG", "C"]);
        columns.row(["wide".into(), "x".into(), "é".into()]);
        columns.row(["".into(), "y".into(), "".into()]);
        let mut out = Vec::new();
        columns.print("  ", &mut out).expect("a Vec takes everything");
        assert_eq!(String::from_utf8_lossy(&out), "  A     LONG  C\n  wide  x     é\n        y\n");
    }
}
