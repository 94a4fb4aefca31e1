//! `watch`: what happens to rows, a line each, as it happens.

use crate::exit;
use crate::failed::Failed;
use crate::keys::KeysArgs;
use crate::news::News;
use crate::rows::RowsArgs;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use client::{Positions, Watch, Watched, Watching};

pub(crate) const EXAMPLES: &str = "\
Examples:
  statehouse watch
  statehouse watch --table visits --prefix page/ --initial
  statehouse watch -o json --behind 3:17,4:9";

#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    keys: KeysArgs,

    /// Begin with the rows as they are.
    #[arg(long, conflicts_with = "behind")]
    initial: bool,

    /// Go on behind these positions, as they were printed.
    #[arg(long, value_name = "POSITIONS")]
    behind: Option<String>,

    /// Say what rows were before, where the table keeps that.
    #[arg(long)]
    before: bool,

    /// End when everything there is has been told.
    #[arg(long)]
    ends: bool,

    #[command(flatten)]
    rows: RowsArgs,

    #[command(flatten)]
    pub server: ServerArgs,
}

impl WatchArgs {
    fn watching(&mut self) -> Result<Watching, Failed> {
        let watching = self.keys.watching(&self.rows)?.before(self.before).ends(self.ends);
        Ok(match &self.behind {
            Some(positions) => watching.behind(positions.parse::<Positions>()?),
            None if self.initial => watching.with_rows(),
            None => watching,
        })
    }
}

pub(crate) async fn watch(mut args: WatchArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let watching = args.watching()?;
    let mut watch = args.rows.table(&client)?.watch(watching);
    let news = News { output: args.server.output, encoding: args.rows.encoding };
    let mut lines = Vec::new();
    while let Some(next) = watch.next().await {
        match next {
            Ok(watched) => print(news, &watched, &watch, &mut lines)?,
            Err(error) => {
                if let Some(positions) = watch.positions().filter(|_| news.output != Output::Json) {
                    writeln!(stage.err, "it goes on with --behind {positions}")?;
                }
                return Err(error.into());
            }
        }
        stage.out.write_all(&lines)?;
        stage.out.flush()?;
        lines.clear();
    }
    Ok(exit::OK)
}

fn print(news: News, watched: &Watched, watch: &Watch, lines: &mut Vec<u8>) -> Result<(), Failed> {
    let positions = watch.positions();
    match watched {
        Watched::State(state) => news.rows(state, lines)?,
        Watched::Events(events) => news.events(events, positions, lines)?,
        Watched::Ready => news.ready(positions, lines)?,
        Watched::Restarted => news.restarted(lines)?,
    }
    Ok(())
}
