//! How far a long verb has come, on standard error.

use crate::stage::Stage;
use clap::Args;
use env::real::OsClock;
use env::{Clock, Mono};
use std::io::{self, Write};

/// Between two looks of a person.
const LOOK_MS: u64 = 200;
/// Between two lines of a log.
const LINE_MS: u64 = 1000;

/// Whether to say it.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ProgressArgs {
    /// Say how far it has come, also where standard error is no terminal.
    #[arg(long)]
    progress: bool,
}

/// Who says it.
pub(crate) struct Progress {
    how: How,
    verb: &'static str,
    clock: OsClock,
    said: Mono,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Not,
    /// On one line, written over and over.
    OneLine,
    /// A line each.
    Lines,
}

impl Progress {
    /// Of a verb, in the past tense.
    pub fn new(args: ProgressArgs, verb: &'static str, stage: &Stage<'_>) -> Progress {
        let how = match (stage.watched, args.progress) {
            (true, _) => How::OneLine,
            (false, true) => How::Lines,
            (false, false) => How::Not,
        };
        let clock = OsClock::new();
        let said = clock.mono();
        Progress { how, verb, clock, said }
    }

    /// So many rows, and bytes of them, are done; `more` is what else to say.
    pub fn tell(&mut self, rows: u64, bytes: u64, more: &str, err: &mut dyn Write) -> io::Result<()> {
        let now = self.clock.mono();
        let pause = if self.how == How::Lines { LINE_MS } else { LOOK_MS };
        if self.how == How::Not || now.ms_since(self.said) < pause {
            return Ok(());
        }
        self.said = now;
        // The clock began with the verb.
        let line = format!("{}{more}", line(self.verb, rows, bytes, now.0 / 1_000_000));
        match self.how {
            How::OneLine => write!(err, "\r{line}\x1b[K")?,
            _ => writeln!(err, "{line}")?,
        }
        err.flush()
    }

    /// Makes room for what is said in the end.
    pub fn end(&self, err: &mut dyn Write) -> io::Result<()> {
        if self.how == How::OneLine {
            write!(err, "\r\x1b[K")?;
        }
        Ok(())
    }
}

/// What is said of so many in so long.
fn line(verb: &str, rows: u64, bytes: u64, ms: u64) -> String {
    let rate = rows.saturating_mul(1000) / ms.max(1);
    if bytes == 0 {
        return format!("{verb} {rows} rows, {rate} rows/s");
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let flow = mib(bytes) * 1000.0 / ms.max(1) as f64;
    format!("{verb} {rows} rows, {:.1} MiB, {rate} rows/s, {flow:.1} MiB/s", mib(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_many_and_how_fast() {
        assert_eq!(line("removed", 1500, 0, 500), "removed 1500 rows, 3000 rows/s");
        assert_eq!(line("loaded", 10, 5 << 20, 2000), "loaded 10 rows, 5.0 MiB, 5 rows/s, 2.5 MiB/s");
        assert_eq!(line("loaded", 0, 1, 0), "loaded 0 rows, 0.0 MiB, 0 rows/s, 0.0 MiB/s");
    }
}
