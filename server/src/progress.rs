//! Progress of a start, for whoever waits at a terminal.

use partition::Progress;
use std::io::{IsTerminal, Write};

/// Prints a line that replaces itself, or a line for each tenth where nothing
/// can be replaced.
pub struct Printed {
    is_terminal: bool,
    printed: Option<u64>,
}

impl Printed {
    /// Nothing printed yet.
    pub fn new() -> Printed {
        Printed { is_terminal: std::io::stderr().is_terminal(), printed: None }
    }

    /// It has come so far.
    pub fn print(&mut self, at: Progress) {
        let step = if self.is_terminal { at.percent() } else { at.percent() / 10 };
        if self.printed == Some(step) || at.bytes_total == 0 {
            return;
        }
        self.printed = Some(step);
        let mut out = std::io::stderr().lock();
        // Whoever closed our output does not want to read it.
        let _ = match self.is_terminal {
            true if at.percent() == 100 => writeln!(out, "\r{at}"),
            true => write!(out, "\r{at}").and_then(|()| out.flush()),
            false => writeln!(out, "{at}"),
        };
    }
}

impl Default for Printed {
    fn default() -> Printed {
        Printed::new()
    }
}
