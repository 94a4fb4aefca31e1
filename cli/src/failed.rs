//! Why a verb did not do what was asked, and how that is said.

use crate::exit;
use crate::json;
use crate::server::Output;
use crate::stage::Stage;
use model::code;
use proto::Failure;
use serde_json::json;
use std::io;

/// Why not.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The client or the server says so.
    Server(client::Error),
    /// What was asked makes no sense.
    Usage {
        /// What of it.
        message: String,
        /// How it would.
        hint: &'static str,
    },
    /// Our own input or output.
    Local(io::Error),
}

impl Failed {
    pub fn usage(message: impl Into<String>, hint: &'static str) -> Failed {
        Failed::Usage { message: message.into(), hint }
    }

    /// The server lists no such table.
    pub fn no_table(name: &str) -> Failed {
        Failed::Server(Failure::new(code::NO_TABLE, format!("there is no table `{name}`")).into())
    }

    /// Says it on standard error; returns the exit code.
    pub fn report(&self, output: Output, stage: &mut Stage<'_>) -> u8 {
        // Whoever closed our output does not want to hear of it.
        let _ = match self {
            Failed::Local(error) if error.kind() == io::ErrorKind::BrokenPipe => return exit::OK,
            Failed::Local(error) => writeln!(stage.err, "error: {error}"),
            Failed::Server(error) if output == Output::Json => {
                writeln!(stage.err, "{}", json!({ "error": json::error(error) }))
            }
            Failed::Server(error) => writeln!(stage.err, "error: {error}")
                .and_then(|()| writeln!(stage.err, "hint: {}", error.hint())),
            Failed::Usage { message, hint } if output == Output::Json => {
                let code = code::MALFORMED.to_string();
                let error = json!({ "code": code, "message": message, "hint": hint, "retry": "never" });
                writeln!(stage.err, "{}", json!({ "error": error }))
            }
            Failed::Usage { message, hint } => {
                writeln!(stage.err, "error: {message}").and_then(|()| writeln!(stage.err, "hint: {hint}"))
            }
        };
        match self {
            Failed::Server(error) => exit::of(error.number()),
            Failed::Usage { .. } => exit::USAGE,
            Failed::Local(_) => exit::UNAVAILABLE,
        }
    }
}

impl From<client::Error> for Failed {
    fn from(error: client::Error) -> Failed {
        Failed::Server(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Local(error)
    }
}
