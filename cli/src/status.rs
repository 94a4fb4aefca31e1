//! `status`: how a node is.

use crate::exit;
use crate::failed::Failed;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use proto::control::StatusResponse;
use serde_json::json;
use std::io::{self, Write};

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub server: ServerArgs,
}

pub(crate) async fn status(args: StatusArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let status = args.server.client()?.control().status().await?;
    match args.server.output {
        Output::Json => writeln!(stage.out, "{}", object(&status))?,
        output => people(&status, output == Output::Wide, stage.out)?,
    }
    Ok(exit::OK)
}

fn people(status: &StatusResponse, wide: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "node        {} of cluster {}", status.node, status.cluster)?;
    writeln!(out, "version     {}", status.version)?;
    writeln!(out, "up          {}", lasting(status.uptime_s))?;
    if wide {
        writeln!(out, "boot        {}", status.boot)?;
    }
    writeln!(out, "tables      {}", status.tables)?;
    let StatusResponse { serving, failed, quarantined, .. } = status;
    writeln!(out, "partitions  {serving} serving, {failed} failed, {quarantined} quarantined")?;
    writeln!(out, "log         {}", size(status.log_bytes))?;
    status.warnings.iter().try_for_each(|warning| writeln!(out, "warning     {warning}"))
}

fn object(status: &StatusResponse) -> serde_json::Value {
    json!({
        "version": status.version,
        "cluster": status.cluster,
        "node": status.node,
        "boot": status.boot,
        "uptime_s": status.uptime_s,
        "log_bytes": status.log_bytes,
        "tables": status.tables,
        "partitions": {
            "serving": status.serving,
            "failed": status.failed,
            "quarantined": status.quarantined,
        },
        "warnings": status.warnings,
    })
}

/// The two largest units.
pub(crate) fn lasting(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut shown = (bytes as f64, "B");
    for unit in UNITS {
        if shown.0 < 1024.0 {
            break;
        }
        shown = (shown.0 / 1024.0, unit);
    }
    match shown {
        (bytes, "B") => format!("{bytes} B"),
        (number, unit) => format!("{number:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_short() {
        for (seconds, text) in [(0, "0 s"), (61, "1 min 1 s"), (3723, "1 h 2 min"), (90_000, "1 d 1 h")] {
            assert_eq!(lasting(seconds), text);
        }
        let sizes =
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 20, "3.0 MiB"), (1 << 50, "1024.0 TiB")];
        for (bytes, text) in sizes {
            assert_eq!(size(bytes), text);
        }
    }
}
