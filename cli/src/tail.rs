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

    /// Go on behind this position, as it was printed.
    #[arg(long, value_name = "POSITION", conflicts_with = "from")]
    behind: Option<String>,

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

impl TailArgs {
    fn tailing(&self) -> Result<Tailing, Failed> {
        let tailing = match (self.from, &self.behind) {
            (Some(from), _) => Tailing::from(from),
            (None, None) => Tailing::now(),
            (None, Some(behind)) => {
                let behind: Positions = behind.parse()?;
                let own = behind.iter().find(|position| position.partition.0 == self.partition);
                let foreign = || Failed::usage("the positions do not name the partition", "Give its own.");
                Tailing::behind(own.ok_or_else(foreign)?)
            }
        };
        Ok(tailing.before(self.before).ends(self.ends))
    }
}

pub(crate) async fn tail(args: TailArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let mut tail = client.tail(PartitionId(args.partition), args.tailing()?);
    let news = News { output: args.server.output, encoding: args.encoding };
    let (mut positions, mut lines) = (Positions::new(), Vec::new());
    while let Some(next) = tail.next().await {
        let events = match next {
            Ok(events) => events,
            Err(error) => {
                if let Some(position) = tail.position().filter(|_| news.output != Output::Json) {
                    let mut positions = Positions::new();
                    positions.set(position);
                    writeln!(stage.err, "it goes on with --behind {positions}")?;
                }
                return Err(error.into());
            }
        };
        positions.set(events.at);
        news.events(&events, Some(&positions), &mut lines)?;
        stage.out.write_all(&lines)?;
        stage.out.flush()?;
        lines.clear();
    }
    Ok(exit::OK)
}
