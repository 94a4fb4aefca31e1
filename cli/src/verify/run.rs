//! One run: rounds of users at work, kills, and a verdict on each round.

use super::args::VerifyArgs;
use super::crowd::{self, Crowd, Subject};
use super::node::{Launch, Node};
use super::report::Report;
use super::rim;
use super::scratch::Scratch;
use super::sums::{self, Sums};
use super::tally::Tally;
use super::verdicts::Verdicts;
use crate::failed::Failed;
use client::Client;
use env::Rng;
use env::rng::Stream;
use proto::control::{DropTableRequest, EraseQuarantinedRequest, RemovePartitionRequest};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(10);
/// A round is judged at least so often.
const ROUND: Duration = Duration::from_secs(30);
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// A node that has just been started, or a server far away, answers by then.
const PATIENCE: Duration = Duration::from_secs(30);
const PARTITIONS: u32 = 4;

/// Whom the users ask.
enum Server {
    /// A process of ours, which is killed.
    Own { launch: Launch, node: Node, scratch: Scratch },
    /// Somebody else's.
    Theirs { endpoint: String, partitions: Vec<u64>, counting: Vec<u64> },
}

pub(super) struct Run<'a> {
    args: &'a VerifyArgs,
    time: Duration,
    progress: &'a mut dyn Write,
    draws: Stream,
    server: Server,
    client: Client,
    crowd: Crowd,
    sums: Sums,
    verdicts: Verdicts,
    kills: u64,
    began: Instant,
    told_at: Instant,
    interrupted: Arc<AtomicBool>,
}

impl<'a> Run<'a> {
    /// A server, a table and its users, none of whom works yet.
    pub async fn prepare(
        args: &'a VerifyArgs,
        time: Duration,
        progress: &'a mut dyn Write,
    ) -> Result<Run<'a>, Failed> {
        let rng = Rng::from_os()?;
        let mut draws = rng.stream("kills");
        let subject = Subject {
            table: format!("verify-{:08x}", draws.next_u64() as u32),
            store: args.store.clone(),
            log: args.log.clone(),
            partitions: PARTITIONS,
        };
        let (server, client) = serve(args, &rng, &subject).await?;
        let sums = Sums::gather(sums_of(&subject), &rng);
        let crowd = Crowd::gather(subject, &client, args.users, args.keys, &rng).await?;
        let (began, interrupted) = (rim::now(), rim::interrupted());
        let verdicts = Verdicts::default();
        Ok(Run {
            args,
            time,
            progress,
            draws,
            server,
            client,
            crowd,
            sums,
            verdicts,
            kills: 0,
            began,
            told_at: began,
            interrupted,
        })
    }

    /// Works until the time is over, or something ends it earlier.
    pub async fn work(mut self) -> Result<Report, Failed> {
        writeln!(self.progress, "users work on table {} of {}", self.crowd.subject().table, self.told())?;
        self.began = rim::now();
        self.crowd.serve(&self.client);
        self.sums.serve(Some(&self.client));
        while !self.is_over() {
            // What ends a run before its time is a finding.
            if let Err(why) = self.round().await {
                self.verdicts.tell("liveness", why.to_string());
                break;
            }
        }
        Ok(self.end().await)
    }

    async fn round(&mut self) -> io::Result<()> {
        let late = rim::now() + ROUND;
        let mut kill_at = self.next_kill();
        while rim::now() < late && self.crowd.ops_of_round() < self.args.ops && !self.is_time_over() {
            rim::pause(TICK).await;
            self.tell_progress()?;
            if rim::now() > kill_at {
                if self.kill()? {
                    self.start().await?;
                }
                kill_at = self.next_kill();
            }
        }
        // At its end users are in the middle of something, too.
        let settled = self.kill()?;
        let (rest, sums_rest) = (self.crowd.rest().await, self.sums.rest().await);
        if settled {
            self.start().await?;
        }
        let round = crowd::turn(&mut self.crowd, &rest, &self.client, settled, PATIENCE).await;
        let round = round.map_err(|error| io::Error::other(format!("rows cannot be read: {error}")))?;
        let judged = self.sums.judge(&self.client, settled, &mut self.verdicts).await;
        judged.map_err(|error| io::Error::other(format!("counters cannot be read: {error}")))?;
        drop(sums_rest);
        let table = &self.crowd.subject().table;
        self.verdicts.judge(table, round, &self.args.histories())
    }

    /// Kills a node of ours; false if there is none.
    fn kill(&mut self) -> io::Result<bool> {
        let Server::Own { node, launch, .. } = &mut self.server else { return Ok(false) };
        self.crowd.nobody_serves();
        self.sums.serve(None);
        if !node.kill()? {
            let last = launch.last_words();
            return Err(io::Error::other(format!("the node has ended by itself: {last}")));
        }
        self.kills += 1;
        Ok(true)
    }

    async fn start(&mut self) -> io::Result<()> {
        let Server::Own { node, launch, .. } = &mut self.server else { return Ok(()) };
        *node = launch.start().await?;
        self.client = node.client().map_err(io::Error::other)?;
        self.crowd.serve(&self.client);
        self.sums.serve(Some(&self.client));
        Ok(())
    }

    fn next_kill(&mut self) -> Instant {
        let mean = self.args.kill_every.as_millis() as u64;
        rim::now() + Duration::from_millis(mean / 2 + self.draws.below(mean.max(1)))
    }

    fn is_over(&self) -> bool {
        let rounds = self.args.rounds.is_some_and(|rounds| self.verdicts.rounds >= rounds);
        rounds || self.is_time_over()
    }

    fn is_time_over(&self) -> bool {
        rim::now() - self.began >= self.time || self.interrupted.load(Ordering::Relaxed)
    }

    fn tell_progress(&mut self) -> io::Result<()> {
        let now = rim::now();
        if now - self.told_at < PROGRESS_EVERY {
            return Ok(());
        }
        self.told_at = now;
        let (seconds, tally) = ((now - self.began).as_secs(), self.crowd.tally());
        let Run { kills, verdicts, .. } = self;
        writeln!(
            self.progress,
            "{seconds} s: {} operations, {} refused, {} unknown, {kills} kills, {} rounds, {} violations",
            tally.all(),
            tally.refused(),
            tally.unknown(),
            verdicts.rounds,
            verdicts.broken(),
        )
    }

    fn told(&self) -> String {
        match &self.server {
            Server::Own { scratch, .. } => format!("a node of its own in {}", scratch.path().display()),
            Server::Theirs { endpoint, .. } => endpoint.clone(),
        }
    }

    /// Takes everything away that was made, and says what came of it all.
    async fn end(self) -> Report {
        let seconds = (rim::now() - self.began).as_secs_f64();
        let (server, tally) = (self.told(), self.crowd.tally());
        let (table, counters) = (self.crowd.subject().table.clone(), self.sums.table().to_owned());
        let additions = self.sums.counts();
        drop((self.crowd, self.sums));
        let mut left = Vec::new();
        match self.server {
            Server::Own { node, mut scratch, .. } => {
                drop(node);
                if !self.verdicts.is_clean() {
                    scratch.keep();
                    left.push(format!("the node's directory {}", scratch.path().display()));
                }
            }
            Server::Theirs { partitions, counting, .. } => {
                left.extend(remove(&self.client, &table, &partitions).await.err());
                left.extend(remove(&self.client, &counters, &counting).await.err());
            }
        }
        let (kills, verdicts) = (self.kills, self.verdicts);
        Report { server, table, seconds, kills, tally, additions, verdicts, left }
    }
}

fn sums_of(subject: &Subject) -> String {
    format!("{}-sums", subject.table)
}

/// The server that is there, or one of our own; with the table.
async fn serve(args: &VerifyArgs, rng: &Rng, subject: &Subject) -> Result<(Server, Client), Failed> {
    if let Some(endpoint) = &args.endpoint {
        let mut builder = Client::builder(endpoint).connections(2).deadline(Duration::from_secs(5));
        if let Some(control) = &args.control_endpoint {
            builder = builder.control(control);
        }
        let client = builder.build()?;
        let partitions = subject.create(&client).await?;
        let counting = sums::create(&client, &sums_of(subject), subject.profile()).await?;
        return Ok((Server::Theirs { endpoint: endpoint.clone(), partitions, counting }, client));
    }
    let scratch = Scratch::make(rng)?;
    let program = super::scratch::program()?;
    let launch = Launch::new(program, scratch.path(), scratch.path().join("data"));
    let node = launch.start().await?;
    let client = node.client()?;
    subject.create(&client).await?;
    sums::create(&client, &sums_of(subject), subject.profile()).await?;
    Ok((Server::Own { launch, node, scratch }, client))
}

/// Removes the table and its data; or what is left of it, in words.
async fn remove(client: &Client, table: &str, partitions: &[u64]) -> Result<(), String> {
    let control = client.control();
    let left = |what: &str, error: client::Error| format!("{what}: {error}");
    for id in partitions {
        let request = RemovePartitionRequest { id: *id, ..RemovePartitionRequest::default() };
        let removed = control.remove_partition(request).await;
        removed.map_err(|error| left(&format!("table {table} with its partitions"), error))?;
    }
    for id in partitions {
        let erased =
            control.erase_quarantined(EraseQuarantinedRequest { id: *id, ..Default::default() }).await;
        erased.map_err(|error| left(&format!("table {table}, and partition {id} in quarantine"), error))?;
    }
    let request = DropTableRequest { name: table.to_owned(), ..DropTableRequest::default() };
    control.drop_table(request).await.map(drop).map_err(|error| left(&format!("table {table}"), error))
}

impl Report {
    /// Of a history that was kept.
    pub fn of(verdicts: Verdicts, from: String) -> Report {
        let (table, tally, left) = ("-".to_owned(), Tally::default(), Vec::new());
        Report { server: from, table, seconds: 0.0, kills: 0, tally, additions: (0, 0), verdicts, left }
    }
}
