//! The binary with more in it: an application's own machines.

use crate::command_line;
use machine::{Keyed, NameTaken, Registry};
use std::process::ExitCode;

/// `statehouse` as a library.
///
/// ```no_run
/// # use server::Server;
/// # use machine::Counter;
/// fn main() -> std::process::ExitCode {
///     // Every verb of `statehouse`, and tables that may have this machine.
///     # let my_machine = Counter;
///     let builder = Server::builder().machine(my_machine).expect("a name of its own");
///     builder.main()
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Server;

/// What goes into it.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    machines: Registry,
}

impl Server {
    /// With the machines in the box.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Tables may have this machine, too.
    pub fn machine(self, machine: impl Keyed + Clone) -> Result<Builder, NameTaken> {
        Ok(Builder { machines: self.machines.with(machine)? })
    }

    /// Which machines tables may have, for who opens a node by
    /// [`crate::serve::embedded::open`].
    pub fn machines(self) -> Registry {
        self.machines
    }

    /// Runs what the process was started with, as `statehouse` does.
    pub fn main(self) -> ExitCode {
        command_line::main(self.machines)
    }
}
