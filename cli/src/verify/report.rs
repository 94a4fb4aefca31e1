//! What came of a run, for people and for programs.

use super::tally::Tally;
use super::verdicts::Verdicts;
use crate::columns::Columns;
use serde_json::{Value, json};
use std::io::{self, Write};

/// What came of a run.
pub(super) struct Report {
    /// Whose table it was.
    pub server: String,
    /// Its name.
    pub table: String,
    pub seconds: f64,
    pub kills: u64,
    pub tally: Tally,
    /// Additions to counters that were acknowledged, and those of unknown outcome.
    pub additions: (u64, u64),
    pub verdicts: Verdicts,
    /// What of it is still there, and why.
    pub left: Vec<String>,
}

impl Report {
    pub fn json(&self) -> Value {
        let Verdicts { rounds, undecided, told, files, .. } = &self.verdicts;
        json!({
            "clean": self.verdicts.is_clean(),
            "server": self.server,
            "table": self.table,
            "seconds": self.seconds,
            "rounds": rounds,
            "kills": self.kills,
            "operations": self.tally.json(),
            "additions": { "done": self.additions.0, "unknown": self.additions.1 },
            "violations": { "found": self.verdicts.broken(), "told": told },
            "undecided_rounds": undecided,
            "histories": files,
            "left": self.left,
        })
    }

    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let Verdicts { rounds, undecided, told, files, .. } = &self.verdicts;
        let (seconds, kills) = (self.seconds, self.kills);
        writeln!(out, "server      {}", self.server)?;
        writeln!(out, "table       {}", self.table)?;
        writeln!(out, "rounds      {rounds} in {seconds:.1} s, {kills} kills")?;
        writeln!(out)?;
        self.columns().print("", out)?;
        let (done, unknown) = self.additions;
        writeln!(out, "\ncounters    {done} additions, {unknown} of unknown outcome")?;
        told.iter().try_for_each(|what| writeln!(out, "  {what}"))?;
        writeln!(out, "violations  {}", self.verdicts.broken())?;
        if *undecided > 0 {
            writeln!(
                out,
                "undecided   {undecided} rounds: their search is too large; fewer --users or --ops"
            )?;
        }
        files.iter().try_for_each(|file| writeln!(out, "history     {}", file.display()))?;
        self.left.iter().try_for_each(|left| writeln!(out, "left        {left}"))?;
        writeln!(out, "verdict     {}", if self.verdicts.is_clean() { "clean" } else { "not clean" })
    }

    fn columns(&self) -> Columns {
        let mut columns = Columns::new(["CALL", "DONE", "FOUND", "REFUSED", "UNKNOWN", "P50", "P99"]);
        for (name, kind) in self.tally.kinds() {
            let number = |number: u64| number.to_string();
            let found = if name == "put" { String::new() } else { number(kind.found) };
            let ms = |percent| format!("{:.2} ms", kind.percentile_us(percent) as f64 / 1000.0);
            let (done, refused, unknown) = (number(kind.done), number(kind.refused), number(kind.unknown));
            columns.row([name.to_owned(), done, found, refused, unknown, ms(50), ms(99)]);
        }
        columns
    }
}
