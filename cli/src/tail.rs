//! `tail`: the events of one partition, a line each, as they happen.

use crate::encoding::Encoding;
use crate::exit;
use crate::failed::Failed;
use crate::news::News;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use client::{PartitionId, Positions, Tailing};

pub(crate) const EXAMPLES: &str = "\
Examples:
  statehouse tail 3
  statehouse tail 3 --from 1 --ends -o json";

#[derive(Args, Debug)]
pub(crate) struct TailArgs {
    /// The partition's id; `partition ls` shows it.
    partition: u64,

    /// The first index wanted; without it, what comes from now on.
    #[arg(long, value_name = "INDEX", value_parser = clap::value_parser!(u64).range(1..))]
    from: Option<u64>,

    /// Say what rows were before, where the table keeps that.
    #[arg(long)]
    before: bool,

    /// End when everything there is has been told.
    #[arg(long)]
    ends: bool,

    /// How keys and values are printed.
    #[arg(long, value_enum, default_value_t = Encoding::Raw)]
    encoding: Encoding,

    #[command(flatten)]
    pub server: ServerArgs,
}

pub(crate) async fn tail(args: TailArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let tailing = args.from.map_or_else(Tailing::now, Tailing::from).before(args.before).ends(args.ends);
    let mut tail = client.tail(PartitionId(args.partition), tailing);
    let news = News { output: args.server.output, encoding: args.encoding };
    let (mut positions, mut lines) = (Positions::new(), Vec::new());
    while let Some(next) = tail.next().await {
        let events = match next {
            Ok(events) => events,
            Err(error) => {
                if let Some(position) = tail.position().filter(|_| news.output != Output::Json) {
                    writeln!(stage.err, "it goes on with --from {}", position.saturating_add(1))?;
                }
                return Err(error.into());
            }
        };
        positions.set(events.partition, events.index);
        news.events(&events, &positions, &mut lines)?;
        stage.out.write_all(&lines)?;
        stage.out.flush()?;
        lines.clear();
    }
    Ok(exit::OK)
}
