//! Statehouse beside others: the same work on the same machine, in turn.
//!
//! Each scenario starts the servers that take part, and each round gives every
//! one of them its turn while the others wait idle. What one has left behind
//! (compactions, pages to be written) is over before the next begins.

mod alone;
mod failover;
mod figures;
mod histogram;
mod load;
mod loads;
mod process;
mod restart;
mod rows;
mod scans;
mod scenario;
mod systems;
mod table;
mod tails;

pub use alone::Load;
pub use systems::serve_echo;

use crate::Failure;
use crate::report::Report;
use clap::ValueEnum;
use figures::{Figures, metrics};
use load::Job;
use process::machine_cpu_s;
use rows::{KEYS, Rows};
use scenario::{Scenario, System, Work};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};
use systems::{Place, Ring, Running, version};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// Before each measured interval.
const WARM_UP: Duration = Duration::from_secs(1);
/// A server is idle when it uses less than this of a core …
const IDLE: f64 = 0.05;
/// … over so long. The clock of processes has ticks of 10 ms.
const IDLE_OVER: Duration = Duration::from_millis(400);
/// Whoever else is on the machine may use so much of a core unmentioned.
const ALONE: f64 = 0.2;
/// Who is busy for longer is reported, and waited for no more.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(15);

/// What to compare.
#[derive(clap::Args)]
pub struct Compare {
    /// The scenarios; all if none is named.
    #[arg(long, num_args = 1..)]
    scenario: Vec<Scenario>,
    /// Seconds of each measured interval.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Also write the figures here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The others that take part.
    #[arg(long, value_delimiter = ',', default_value = "echo,etcd,etcd-compacted,redis,etcd-3", value_parser = peer)]
    peers: Vec<System>,
    /// Without Statehouse: how the others do on this machine.
    #[arg(long)]
    only_peers: bool,
    /// The binary `statehouse`; by default the one beside this.
    #[arg(long)]
    statehouse: Option<PathBuf>,
    /// Where the servers write; the disk under it is what is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
}

fn peer(name: &str) -> Result<System, String> {
    let peers = || System::value_variants().iter().filter(|system| system.is_peer());
    peers().find(|system| system.name() == name).copied().ok_or_else(|| {
        let names: Vec<&str> = peers().map(|system| system.name()).collect();
        format!("the others are {}", names.join(", "))
    })
}

impl Compare {
    /// Runs it, prints the table, writes the file.
    pub fn run(self) -> Result<(), Failure> {
        let dir = crate::scratch(self.dir.clone())?;
        let report = on_one_thread(self.measure(&dir))?;
        print!("{}", table::Table(&report));
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
        }
        Ok(())
    }

    async fn measure(&self, dir: &TempDir) -> Result<Report, Failure> {
        let statehouse = match &self.statehouse {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("statehouse"),
        };
        let scenarios = match self.scenario.as_slice() {
            [] => Scenario::value_variants(),
            some => some,
        };
        let mut report = Report { versions: BTreeMap::new(), ..Report::new() };
        let present = self.present(&statehouse, &mut report)?;
        let (mut figures, rows) = (Figures::default(), Rc::new(Rows::new()));
        for scenario in scenarios {
            let systems: Vec<System> =
                scenario.systems().iter().filter(|system| present.contains(system)).copied().collect();
            let dir = dir.path().join(scenario.name());
            let contest =
                Contest { scenario: *scenario, plan: self, statehouse: &statehouse, dir: &dir, rows: &rows };
            match scenario {
                Scenario::Recovery if systems.is_empty() => {}
                Scenario::Recovery => contest.recoveries(&mut figures).await?,
                Scenario::Load if systems.is_empty() => {}
                Scenario::Load => contest.loads(&mut figures).await?,
                Scenario::Scan if systems.is_empty() => {}
                Scenario::Scan => contest.scans(&mut figures).await?,
                Scenario::Tail if systems.is_empty() => {}
                Scenario::Tail => contest.tails(&mut figures).await?,
                Scenario::Failover | Scenario::RollingRestart => {
                    contest.failovers(&systems, &mut figures).await?;
                }
                _ => contest.rounds(&systems, &mut figures).await?,
            }
            // Of no more use, and the next needs the space.
            let _ = std::fs::remove_dir_all(&dir);
        }
        figures.report(&mut report);
        Ok(report)
    }

    /// Who is wanted and can take part; versions go into the report. Whoever of
    /// the others is missing is left out and named, with what installs it.
    fn present(&self, statehouse: &Path, report: &mut Report) -> Result<Vec<System>, Failure> {
        let mut present = Vec::new();
        for system in System::value_variants() {
            let wanted = if system.is_peer() { self.peers.contains(system) } else { !self.only_peers };
            if !wanted {
                continue;
            }
            let version = match version(*system, statehouse) {
                Err(why) if system.is_peer() => {
                    eprintln!("{} is skipped: {why}", system.name());
                    format!("skipped: {why}")
                }
                version => {
                    present.push(*system);
                    version?
                }
            };
            if system.is_peer() || *system == System::Statehouse {
                report.versions.insert(system.name().to_owned(), version);
            }
        }
        Ok(present)
    }
}

/// One scenario under way.
struct Contest<'a> {
    scenario: Scenario,
    plan: &'a Compare,
    statehouse: &'a Path,
    dir: &'a Path,
    rows: &'a Rc<Rows>,
}

impl Contest<'_> {
    async fn rounds(&self, systems: &[System], figures: &mut Figures) -> Result<(), Failure> {
        let name = self.scenario.name();
        let mut running = Vec::new();
        for system in systems {
            running.push((*system, self.start(*system).await.map_err(|why| blame(*system, why))?));
        }
        for round in 1..=self.plan.rounds {
            for (system, server) in &running {
                settle(&running).await?;
                let shape = self.scenario.shape(*system);
                let length = Duration::from_secs(self.plan.seconds);
                let job = Job { work: self.scenario.work(), shape, warm_up: WARM_UP, length, seed: round };
                let measured = server.drive(&job, self.rows).await.map_err(|why| blame(*system, why))?;
                let told = metrics(self.scenario, &measured);
                tell(name, round, *system, &told);
                figures.add(self.scenario, *system, &told);
            }
        }
        Ok(())
    }

    async fn start(&self, system: System) -> Result<Running, Failure> {
        let place = Place {
            statehouse: self.statehouse,
            dir: &self.dir.join(system.name()),
            machine: self.scenario.machine(),
        };
        let running = Running::start(system, &place).await?;
        // An echo remembers nothing.
        if self.scenario.work() == Work::Read && system != System::Echo {
            running.pour(Scenario::WriteBatch.shape(system), self.rows, KEYS).await?;
            if system == System::EtcdCompacted {
                running.compact().await?;
            }
        }
        Ok(running)
    }

    /// One after the other: those who wait idle would take part in the elections.
    async fn failovers(&self, systems: &[System], figures: &mut Figures) -> Result<(), Failure> {
        for system in systems {
            self.goes_on(*system, figures).await.map_err(|why| blame(*system, why))?;
        }
        Ok(())
    }

    async fn goes_on(&self, system: System, figures: &mut Figures) -> Result<(), Failure> {
        let dir = self.dir.join(system.name());
        let place = Place { statehouse: self.statehouse, dir: &dir, machine: self.scenario.machine() };
        let mut ring = Ring::start(system, &place).await?;
        let writers = failover::Writers::start(&ring)?;
        let mut worst: f64 = 0.0;
        for round in 1..=self.plan.rounds {
            let told = match self.scenario {
                Scenario::Failover => failover::kill(&mut ring, &writers).await?,
                _ => failover::roll(&mut ring, &writers).await?,
            };
            tell(self.scenario.name(), round, system, &told.figures);
            figures.add(self.scenario, system, &told.figures);
            worst = worst.max(told.worst_ms);
        }
        let lost = writers.lost().await? as f64;
        figures.add(self.scenario, system, &[("worst_ms", "ms", worst), ("lost", "", lost)]);
        Ok(())
    }

    async fn scans(&self, figures: &mut Figures) -> Result<(), Failure> {
        let filled = scans::Filled::start(self.statehouse, self.dir, self.rows).await?;
        for round in 1..=self.plan.rounds {
            Command::new("sync").status()?;
            let told = filled.round().await?;
            tell(self.scenario.name(), round, System::Statehouse, &told);
            figures.add(self.scenario, System::Statehouse, &told);
        }
        Ok(())
    }

    async fn tails(&self, figures: &mut Figures) -> Result<(), Failure> {
        let followed = tails::Followed::start(self.statehouse, self.dir, self.rows).await?;
        for round in 1..=self.plan.rounds {
            Command::new("sync").status()?;
            let told = followed.round(Duration::from_secs(self.plan.seconds)).await?;
            tell(self.scenario.name(), round, System::Statehouse, &told);
            figures.add(self.scenario, System::Statehouse, &told);
        }
        Ok(())
    }

    async fn loads(&self, figures: &mut Figures) -> Result<(), Failure> {
        let empty = loads::Empty::start(self.statehouse, self.dir).await?;
        for round in 1..=self.plan.rounds {
            Command::new("sync").status()?;
            let told = empty.round(round, self.rows).await?;
            tell(self.scenario.name(), round, System::Statehouse, &told);
            figures.add(self.scenario, System::Statehouse, &told);
        }
        Ok(())
    }

    async fn recoveries(&self, figures: &mut Figures) -> Result<(), Failure> {
        for round in 1..=self.plan.rounds {
            let dir = self.dir.join(round.to_string());
            let told = restart::round(self.statehouse, &dir, self.rows).await?;
            std::fs::remove_dir_all(&dir)?;
            tell(self.scenario.name(), round, System::Statehouse, &told);
            figures.add(self.scenario, System::Statehouse, &told);
        }
        Ok(())
    }
}

fn blame(system: System, why: Failure) -> Failure {
    format!("{}: {why}", system.name()).into()
}

fn tell(scenario: &str, round: u64, system: System, told: &[figures::Figure]) {
    let told: Vec<String> = told.iter().map(|(metric, _, figure)| format!("{metric} {figure:.1}")).collect();
    eprintln!("{scenario} round {round}: {:<18} {}", system.name(), told.join("  "));
}

/// Waits until nothing of an earlier turn is under way. What the machine does
/// beside is reported: it cannot be helped, but it shows in the figures.
async fn settle(running: &[(System, Running)]) -> Result<(), Failure> {
    let start = Instant::now();
    Command::new("sync").status()?;
    loop {
        let machine = machine_cpu_s()?;
        let mut before = Vec::new();
        for (_, server) in running {
            before.push(server.cpu_s()?);
        }
        tokio::time::sleep(IDLE_OVER).await;
        let (mut busy, mut ours) = (Vec::new(), 0.0);
        for ((system, server), before) in running.iter().zip(before) {
            let used = server.cpu_s()? - before;
            ours += used;
            if used > IDLE * IDLE_OVER.as_secs_f64() {
                busy.push(system.name());
            }
        }
        if !busy.is_empty() && start.elapsed() < IDLE_WAIT_MAX {
            continue;
        }
        let others = (machine_cpu_s()? - machine - ours) / IDLE_OVER.as_secs_f64();
        if others > ALONE {
            busy.push("others on this machine");
        }
        if !busy.is_empty() {
            eprintln!("busy without load ({:.0} % of a core by others): {}", others * 100.0, busy.join(", "));
        }
        return Ok(());
    }
}

/// Runs to the end, or to a signal: either way what was started is ended.
fn on_one_thread<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = work => result,
            _ = interrupt.recv() => Err("interrupted".into()),
            _ = terminate.recv() => Err("terminated".into()),
        }
    })
}
