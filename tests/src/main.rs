//! `statehouse-chaos`: real processes under real faults, with users at work and
//! checkers that judge what they saw.
//!
//! Exit 0 means that every fault that was asked for has happened and had its
//! effect, and that nothing is wrong with what users saw. 1 is anything else,
//! 2 a fault that this machine cannot give. The last line is always a summary.

mod disk;
mod fault;
mod link;
mod strike;
mod system;
mod world;

use clap::Parser;
use cli::verify::{Scratch, Verdicts, rim};
use disk::Disk;
use env::Rng;
use fault::Fault;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use world::World;

/// By then each fault has had its effect, or something is wrong with it.
const STRIKES_MAX: u32 = 50;
/// A round ends, and is judged, after so many faults.
const FAULTS_A_ROUND: u32 = 4;

/// Runs a node under faults of all kinds and judges what its users saw.
#[derive(Parser)]
#[command(name = "statehouse-chaos", version)]
struct Arguments {
    /// How long at least. Every fault comes at least once, however short.
    #[arg(long, value_name = "M", default_value_t = 1.0)]
    minutes: f64,

    /// How many nodes; this build has one.
    #[arg(long, value_name = "N", default_value_t = 1)]
    nodes: u32,

    /// Which faults. All but kill, stop and cut take root and loop devices.
    #[arg(long, value_delimiter = ',', default_value = "kill,stop,cut")]
    faults: Vec<Fault>,

    /// How many users each table has.
    #[arg(long, value_name = "N", default_value_t = 4)]
    users: u32,

    /// Decides which fault comes when; drawn unless told.
    #[arg(long)]
    seed: Option<u64>,

    /// The program under test; `statehouse` beside this one unless told.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// Where histories in which something is wrong are written.
    #[arg(long, value_name = "DIR")]
    histories: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    arguments.faults.sort_unstable();
    arguments.faults.dedup();
    if arguments.nodes != 1 {
        eprintln!("--nodes {}: a node has no peers yet; this build runs 1", arguments.nodes);
        return ExitCode::from(2);
    }
    let (rng, mut scratch) = match prepare(&arguments) {
        Ok(prepared) => prepared,
        Err(error) => return impossible(&error),
    };
    let disk = match lay_disk(&arguments, scratch.path()) {
        Ok(disk) => disk,
        Err(error) => {
            let faults = arguments.faults.iter().filter(|fault| fault.is_of_the_disk());
            let faults: Vec<&str> = faults.map(|fault| fault.name()).collect();
            eprintln!("impossible on this machine: {}: {error}", faults.join(", "));
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return impossible(&error),
    };
    let clean = runtime.block_on(run(&arguments, &rng, scratch.path(), disk));
    if !clean {
        scratch.keep();
        println!("kept: {}", scratch.path().display());
    }
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn impossible(error: &io::Error) -> ExitCode {
    eprintln!("nothing can be run: {error}");
    ExitCode::from(2)
}

fn prepare(arguments: &Arguments) -> io::Result<(Rng, Scratch)> {
    let rng = arguments.seed.map_or_else(Rng::from_os, |seed| Ok(Rng::from_seed(seed)))?;
    // Not of the seed: two runs of one seed may be under way.
    let scratch = Scratch::make(&Rng::from_os()?)?;
    Ok((rng, scratch))
}

fn lay_disk(arguments: &Arguments, dir: &Path) -> io::Result<Disk> {
    if arguments.faults.iter().any(|fault| fault.is_of_the_disk()) {
        Disk::of_our_own(dir)
    } else {
        Disk::plain(dir)
    }
}

/// Runs all of it; is everything well?
async fn run(arguments: &Arguments, rng: &Rng, dir: &Path, disk: Disk) -> bool {
    let began = rim::now();
    let program = match &arguments.program {
        Some(program) => Ok(program.clone()),
        None => beside_us(),
    };
    let histories = arguments.histories.clone().unwrap_or_else(std::env::temp_dir);
    let made = match program {
        Ok(program) => World::make(program, dir, disk, arguments.users, histories, rng).await,
        Err(error) => Err(error),
    };
    let mut world = match made {
        Ok(world) => world,
        Err(error) => {
            println!("the node cannot be started: {error}");
            return false;
        }
    };
    let chaos = Chaos { arguments, began };
    // Whatever is under way undoes itself when it is dropped.
    let ended = tokio::select! {
        ended = chaos.work(&mut world) => ended,
        () = interrupted() => Err(io::Error::other("somebody has ended the run before its time")),
    };
    if let Err(error) = ended {
        world.verdicts.tell("liveness", error.to_string());
    }
    summary(arguments, began, &world)
}

/// `statehouse` in the directory of this program.
fn beside_us() -> io::Result<PathBuf> {
    let us = std::env::current_exe()?;
    Ok(us.with_file_name("statehouse"))
}

/// Somebody wants the process to end.
async fn interrupted() {
    let interrupted = rim::interrupted();
    while !interrupted.load(Ordering::Relaxed) {
        rim::pause(Duration::from_millis(50)).await;
    }
}

struct Chaos<'a> {
    arguments: &'a Arguments,
    began: Instant,
}

impl Chaos<'_> {
    /// Fault after fault, and a verdict after each few.
    async fn work(&self, world: &mut World) -> io::Result<()> {
        world.serve();
        let kills = self.arguments.faults.contains(&Fault::Kill);
        let mut strikes = 0;
        while !self.is_over(&world.happened) {
            let pause = world.draw_ms(200, 2000);
            rim::pause(pause).await;
            let fault = self.next(world);
            let at = (rim::now() - self.began).as_secs_f64();
            strike::strike(world, fault).await.map_err(|error| named(fault, &error))?;
            let tally = world.tally();
            eprintln!(
                "{at:.1} s: {fault}; {} operations, {} refused, {} unknown, {} rounds, {} violations",
                tally.all(),
                tally.refused(),
                tally.unknown(),
                world.verdicts.rounds,
                world.verdicts.broken(),
            );
            strikes += 1;
            if strikes > STRIKES_MAX && !world.happened.contains_key(&fault) {
                return Err(named(fault, &io::Error::other("it comes, and nobody meets it")));
            }
            if strikes % FAULTS_A_ROUND == 0 {
                world.turn(kills).await?;
            }
        }
        // A round in which nobody has worked yet proves nothing.
        if strikes % FAULTS_A_ROUND == 0 { Ok(()) } else { world.turn(kills).await }
    }

    fn is_over(&self, happened: &BTreeMap<Fault, u64>) -> bool {
        let all = self.arguments.faults.iter().all(|fault| happened.contains_key(fault));
        let time = (rim::now() - self.began).as_secs_f64() >= self.arguments.minutes * 60.0;
        all && time
    }

    /// The first that has not happened yet; after that, any.
    fn next(&self, world: &mut World) -> Fault {
        let faults = &self.arguments.faults;
        let missing = faults.iter().find(|fault| !world.happened.contains_key(fault));
        missing.copied().unwrap_or_else(|| faults[world.draws.below(faults.len() as u64) as usize])
    }
}

fn named(fault: Fault, error: &io::Error) -> io::Error {
    io::Error::other(format!("{fault}: {error}"))
}

fn summary(arguments: &Arguments, began: Instant, world: &World) -> bool {
    let Verdicts { rounds, undecided, told, files, .. } = &world.verdicts;
    let tally = world.tally();
    told.iter().for_each(|what| println!("{what}"));
    files.iter().for_each(|file| println!("history: {}", file.display()));
    let missing = arguments.faults.iter().filter(|fault| !world.happened.contains_key(fault));
    let missing: Vec<&str> = missing.map(|fault| fault.name()).collect();
    missing.iter().for_each(|fault| println!("{fault}: was asked for and has not happened"));
    println!(
        "rounds {rounds} undecided {undecided} written {} read {} refused {} unknown {} partitions-stopped {}",
        tally.written(),
        tally.read(),
        tally.refused(),
        tally.unknown(),
        world.stopped
    );
    let minutes = (rim::now() - began).as_secs_f64() / 60.0;
    let counts = arguments.faults.iter().map(|fault| (fault, world.happened.get(fault).unwrap_or(&0)));
    let counts: String = counts.map(|(fault, count)| format!(" {fault} {count}")).collect();
    let lost = world.verdicts.of(&["lost", "vanished"]);
    let duplicated = world.verdicts.of(&["dense", "index", "phantom", "strange"]);
    let stale = world.verdicts.of(&["stale", "behind", "order", "future"]);
    let other = world.verdicts.broken() - lost - duplicated - stale;
    let other = if other > 0 { format!(" other {other}") } else { String::new() };
    println!("minutes {minutes:.1}{counts} lost {lost} duplicated {duplicated} stale {stale}{other}");
    world.verdicts.is_clean() && missing.is_empty()
}
