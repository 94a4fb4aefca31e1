//! A node under faults, and its users.

use crate::disk::Disk;
use crate::fault::Fault;
use crate::link::Link;
use cli::verify::{Crowd, Launch, Node, Rest, Subject, Tally, Verdicts, rim, turn};
use client::Client;
use env::Rng;
use env::rng::Stream;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A node that has just been started answers by then.
const PATIENCE: Duration = Duration::from_secs(30);
const KEYS: u32 = 96;
const PARTITIONS: u32 = 4;

/// Everything of a run.
///
/// Fields are dropped in this order: users, then the process, then the disk
/// under it.
pub struct World {
    crowds: Vec<Crowd>,
    /// The process.
    pub node: Node,
    /// The disk.
    pub disk: Disk,
    /// How it is started.
    pub launch: Launch,
    /// The users' way to it.
    pub link: Link,
    client: Client,
    /// What the checkers said so far.
    pub verdicts: Verdicts,
    /// How often each fault came to pass, and had its effect.
    pub happened: BTreeMap<Fault, u64>,
    /// Partitions that the node had stopped and did not take up again when the
    /// fault was over, until it was started again.
    pub stopped: u64,
    /// When and how long.
    pub draws: Stream,
    histories: PathBuf,
}

impl World {
    /// A node on a disk, two tables, and users of both who wait.
    pub async fn make(
        program: PathBuf,
        dir: &Path,
        disk: Disk,
        users: u32,
        histories: PathBuf,
        rng: &Rng,
    ) -> io::Result<World> {
        // New segments take new blocks, which is what the faults of disks hit.
        let launch = Launch::new(program, dir, disk.data()).set("limits.log-recycled-max=0");
        let node = launch.start().await?;
        let link = Link::lay().await?;
        link.lead_to(node.data_address());
        let client = node.client_by(link.address()).map_err(io::Error::other)?;
        let mut crowds = Vec::new();
        for store in ["rocksdb", "memory"] {
            let (table, log) = (format!("chaos-{store}"), "local".to_owned());
            let subject = Subject { table, store: store.to_owned(), log, partitions: PARTITIONS };
            subject.create(&client).await.map_err(io::Error::other)?;
            let crowd = Crowd::gather(subject, &client, users, KEYS, rng).await;
            crowds.push(crowd.map_err(io::Error::other)?);
        }
        let (verdicts, happened, draws) = (Verdicts::default(), BTreeMap::new(), rng.stream("faults"));
        Ok(World {
            crowds,
            node,
            disk,
            launch,
            link,
            client,
            verdicts,
            happened,
            stopped: 0,
            draws,
            histories,
        })
    }

    /// Users work from now on.
    pub fn serve(&mut self) {
        self.crowds.iter_mut().for_each(|crowd| crowd.serve(&self.client));
    }

    /// What all users have done and seen.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.crowds.iter().for_each(|crowd| tally.add(&crowd.tally()));
        tally
    }

    /// Kills the process. Was it alive?
    pub fn kill(&mut self) -> io::Result<bool> {
        self.crowds.iter().for_each(Crowd::nobody_serves);
        self.node.kill()
    }

    /// Starts it again.
    pub async fn start(&mut self) -> io::Result<()> {
        self.node = self.launch.start().await?;
        self.link.lead_to(self.node.data_address());
        self.client = self.node.client_by(self.link.address()).map_err(io::Error::other)?;
        self.serve();
        Ok(())
    }

    /// A store that fails stops its partition until the next start. Somebody
    /// looks after that, as a person would; it is counted and told.
    pub async fn look_after_partitions(&mut self) -> io::Result<()> {
        let mut reasons = Vec::new();
        for crowd in &self.crowds {
            let table = &crowd.subject().table;
            let listed = self.client.control().list_partitions(Some(table)).await;
            let listed = listed.map_err(io::Error::other)?.into_iter();
            let failed = listed.filter(|one| one.state == "failed");
            reasons.extend(failed.map(|one| format!("partition {} of {table}: {}", one.id, one.reason)));
        }
        if reasons.is_empty() {
            return Ok(());
        }
        self.stopped += reasons.len() as u64;
        reasons.iter().for_each(|reason| eprintln!("  stopped, until the node is started again: {reason}"));
        self.kill()?;
        self.start().await
    }

    /// The process has to be alive.
    pub fn must_live(&mut self) -> io::Result<()> {
        match self.node.ended()? {
            None => Ok(()),
            Some(status) => {
                let last = self.launch.last_words();
                Err(io::Error::other(format!("the node has ended by itself ({status}): {last}")))
            }
        }
    }

    /// Waits until users have come so far.
    pub async fn until(&mut self, what: &str, so_far: impl Fn(&Tally) -> bool) -> io::Result<()> {
        if self.within(PATIENCE, so_far).await? {
            return Ok(());
        }
        Err(io::Error::other(format!("waited {PATIENCE:?} in vain for: {what}")))
    }

    /// Waits until users have come so far, but no longer than that. Have they?
    pub async fn within(&mut self, patience: Duration, so_far: impl Fn(&Tally) -> bool) -> io::Result<bool> {
        let late = rim::now() + patience;
        while !so_far(&self.tally()) {
            self.must_live()?;
            if rim::now() > late {
                return Ok(false);
            }
            rim::pause(Duration::from_millis(10)).await;
        }
        Ok(true)
    }

    /// A time between two, in milliseconds.
    pub fn draw_ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.draws.below(most - least))
    }

    /// Users rest, rows are read, and what was seen is judged. With `kill` the
    /// process is killed first, in the middle of what they do.
    pub async fn turn(&mut self, kill: bool) -> io::Result<()> {
        self.must_live()?;
        if kill && self.kill()? {
            *self.happened.entry(Fault::Kill).or_default() += 1;
        }
        let mut rests: Vec<Rest> = Vec::new();
        for crowd in &self.crowds {
            rests.push(crowd.rest().await);
        }
        if kill {
            self.start().await?;
        }
        for (crowd, rest) in self.crowds.iter_mut().zip(&rests) {
            let round = turn(crowd, rest, &self.client, kill, PATIENCE).await;
            let round = round.map_err(|error| io::Error::other(format!("rows cannot be read: {error}")))?;
            self.verdicts.judge(&crowd.subject().table, round, &self.histories)?;
        }
        Ok(())
    }
}
