//! Which server is meant, and how to print what it says: options of all verbs
//! that talk to one.

use crate::failed::Failed;
use clap::{Args, ValueEnum};
use client::Client;
use std::time::Duration;

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// One object for programs.
    Json,
    /// For people, with everything.
    Wide,
}

/// Options of all verbs that talk to a server.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// The server's data address.
    #[arg(
        long,
        env = "STATEHOUSE_ENDPOINT",
        hide_env_values = true,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:7400",
        help_heading = "Server"
    )]
    endpoint: String,

    /// The server's control address; the endpoint's host, one port up, unless told.
    #[arg(
        long,
        env = "STATEHOUSE_CONTROL_ENDPOINT",
        hide_env_values = true,
        value_name = "HOST:PORT",
        help_heading = "Server"
    )]
    control_endpoint: Option<String>,

    /// Whose tables are meant.
    #[arg(
        long,
        env = "STATEHOUSE_NAMESPACE",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "default",
        help_heading = "Server"
    )]
    namespace: String,

    /// How long to wait for an answer, retries and all: 500ms, 5s, 2m [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Server")]
    deadline: Option<Duration>,

    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Table, help_heading = "Server")]
    pub output: Output,
}

impl ServerArgs {
    /// Whose tables are meant.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The same with more time, unless some was given: what has more to do than one
    /// call is waited for.
    pub fn with_time(mut self, time: Duration) -> ServerArgs {
        self.deadline.get_or_insert(time);
        self
    }

    /// A client; nothing is sent yet.
    pub fn client(&self) -> Result<Client, Failed> {
        let mut builder =
            Client::builder(&self.endpoint).connections(1).deadline(self.deadline.unwrap_or(DEADLINE));
        if self.namespace != "default" {
            builder = builder.namespace(&self.namespace);
        }
        if let Some(control) = &self.control_endpoint {
            builder = builder.control(control);
        }
        Ok(builder.build()?)
    }
}

/// Unless told.
const DEADLINE: Duration = Duration::from_secs(10);

/// A number with a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let refused = || format!("`{text}` is no time; write it like 500ms, 5s, 2m, 1h or 7d");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u32 = number.parse().map_err(|_| refused())?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(86_400),
        _ => return Err(refused()),
    };
    match unit * number {
        Duration::ZERO => Err("no time at all is too little".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        let rows = [
            ("500ms", Some(500)),
            ("5s", Some(5000)),
            ("2m", Some(120_000)),
            ("0s", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("1.5s", None),
            ("99999999999s", None),
            ("5h", Some(18_000_000)),
            ("7d", Some(604_800_000)),
            ("1w", None),
            ("", None),
        ];
        for (text, ms) in rows {
            assert_eq!(duration(text).ok(), ms.map(Duration::from_millis), "{text}");
        }
    }
}
