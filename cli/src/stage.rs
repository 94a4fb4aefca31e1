//! What a verb reads from and writes to.

use std::io::{Read, Write};

/// Standard input, output and error, or what stands for them.
pub struct Stage<'a> {
    /// Where a value comes from that is not on the command line.
    pub input: &'a mut dyn Read,
    /// For what was asked.
    pub out: &'a mut dyn Write,
    /// For everything else.
    pub err: &'a mut dyn Write,
    /// Is `out` a terminal, and a person in front of it?
    pub terminal: bool,
    /// Is `err` a terminal, where it may be said how far something has come?
    pub watched: bool,
}
