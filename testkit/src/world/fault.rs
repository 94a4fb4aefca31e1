//! Faults, as data: drawn from a seed, kept in a file, taken away one by one.

use super::knobs::Knobs;
use env::Rng;
use env::rng::Stream;
use serde::{Deserialize, Serialize};

/// Something goes wrong at a moment of virtual time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What goes wrong. Where something lasts, it ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the comment of a fault says what its fields are")]
pub enum Kind {
    /// The process is killed; the page cache stays.
    Kill { down_ms: u64 },
    /// The power goes. `image` decides what of the unsynced is found again.
    Power { down_ms: u64, image: u64 },
    /// The process is stopped, and goes on later.
    Stop { for_ms: u64 },
    /// No message between the node and a user, one way or both.
    Cut { user: u32, way: Way, for_ms: u64 },
    /// Messages wait, and all come at once.
    Hold { user: u32, for_ms: u64 },
    /// Messages travel longer.
    Delay { latency_ms: u64, for_ms: u64 },
    /// Of a hundred calls, so many are served later than others behind them.
    Reorder { percent: u64, by_ms: u64, for_ms: u64 },
    /// Of a hundred reads, so many are served twice.
    Duplicate { percent: u64, for_ms: u64 },
    /// The disk is so many times slower.
    SlowDisk { times: u64, for_ms: u64 },
    /// The disk has this much room left.
    FullDisk { room_bytes: u64, for_ms: u64 },
    /// The sync after so many others fails, and the next says that all is well.
    FailedSync { after: u64 },
    /// Another file operation after so many others fails.
    FailedWrite { after: u64 },
    /// Syncs do nothing, and say that all is well.
    LyingSync { for_ms: u64 },
    /// Bits of a file on the medium change. The node is killed, too.
    Rot { place: u64, spots: u64 },
    /// The node is started with a disk that is empty, or that of another.
    WrongDisk { blank: bool, for_ms: u64 },
    /// Somebody sets the wall clock.
    ClockSet { offset_ms: i64 },
    /// The monotonic clock goes faster or slower, from the next start on.
    ClockRate { percent: u64 },
    /// An operator makes a table and drops it.
    Churn,
}

/// Which messages are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// All of them.
    Both,
    /// Those to the node.
    ToNode,
    /// Those from the node.
    FromNode,
}

/// The kinds that a seed may switch on, and how many times a minute each comes.
const KINDS: &[(&str, u64)] = &[
    ("kill", 8),
    ("power", 8),
    ("stop", 4),
    ("cut", 8),
    ("hold", 4),
    ("delay", 4),
    ("reorder", 4),
    ("duplicate", 4),
    ("slow-disk", 4),
    ("full-disk", 3),
    ("failed-sync", 4),
    ("failed-write", 3),
    ("lying-sync", 2),
    ("rot", 1),
    ("wrong-disk", 2),
    ("clock-set", 4),
    ("clock-rate", 2),
    ("churn", 6),
];

/// The faults of a seed, by time.
pub fn draw(rng: &Rng, knobs: &Knobs) -> Vec<Fault> {
    if knobs.calm {
        return Vec::new();
    }
    let choice = &mut rng.stream("which faults");
    let mut faults = Vec::new();
    // Half of the kinds, on the whole: with all of them on, most would hide
    // behind a few.
    let density = 50 + choice.below(150);
    let chosen: Vec<&(&str, u64)> = KINDS.iter().filter(|_| choice.chance(50)).collect();
    let chosen = without_contradictions(knobs, chosen);
    for (name, a_minute) in chosen {
        let stream = &mut rng.stream(&format!("fault {name}"));
        let expected = a_minute * density * knobs.work_ms / 100;
        let count = expected / 60_000 + u64::from(stream.below(60_000) < expected % 60_000);
        faults.extend((0..count).map(|_| one(name, stream, knobs)));
    }
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

/// What a single node cannot survive together: bytes that were acknowledged
/// before they were on the disk are lost with the power, and so are those that
/// a disk lied about.
fn without_contradictions<'k>(knobs: &Knobs, mut chosen: Vec<&'k (&'k str, u64)>) -> Vec<&'k (&'k str, u64)> {
    let has = |chosen: &[&(&str, u64)], name| chosen.iter().any(|(kind, _)| *kind == name);
    if knobs.sync_every_ms > 0 || has(&chosen, "lying-sync") {
        chosen.retain(|(kind, _)| *kind != "power");
    }
    if has(&chosen, "lying-sync") {
        // A page that was lied about and then failed is gone at once.
        chosen.retain(|(kind, _)| *kind != "failed-sync");
    }
    chosen
}

fn one(name: &str, stream: &mut Stream, knobs: &Knobs) -> Fault {
    // Rot may cost the rest of the run, so it comes late.
    let early_ms = if name == "rot" { knobs.work_ms * 8 / 10 } else { 0 };
    let at_ms = early_ms + stream.below(knobs.work_ms - early_ms);
    let for_ms = 200 + stream.below(3_000);
    let down_ms = 50 + stream.below(1_000);
    let user = stream.below(knobs.users.into()) as u32;
    let kind = match name {
        "kill" => Kind::Kill { down_ms },
        "power" => Kind::Power { down_ms, image: stream.next_u64() },
        "stop" => Kind::Stop { for_ms },
        "cut" => {
            let way = [Way::Both, Way::ToNode, Way::FromNode][stream.below(3) as usize];
            Kind::Cut { user, way, for_ms }
        }
        "hold" => Kind::Hold { user, for_ms },
        "delay" => Kind::Delay { latency_ms: 20 + stream.below(400), for_ms },
        "reorder" => Kind::Reorder { percent: 10 + stream.below(50), by_ms: 1 + stream.below(200), for_ms },
        "duplicate" => Kind::Duplicate { percent: 10 + stream.below(50), for_ms },
        "slow-disk" => Kind::SlowDisk { times: 5 + stream.below(100), for_ms },
        "full-disk" => Kind::FullDisk { room_bytes: stream.below(64 << 10), for_ms },
        "failed-sync" => Kind::FailedSync { after: stream.below(20) },
        "failed-write" => Kind::FailedWrite { after: stream.below(40) },
        "lying-sync" => Kind::LyingSync { for_ms },
        "rot" => Kind::Rot { place: stream.next_u64(), spots: 1 + stream.below(3) },
        "wrong-disk" => Kind::WrongDisk { blank: stream.chance(50), for_ms },
        "clock-set" => Kind::ClockSet { offset_ms: stream.below(7_200_000) as i64 - 3_600_000 },
        "clock-rate" => Kind::ClockRate { percent: 50 + stream.below(151) },
        _ => Kind::Churn,
    };
    Fault { at_ms, kind }
}

impl Kind {
    /// Its name, for counts.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Kill { .. } => "kill",
            Kind::Power { .. } => "power",
            Kind::Stop { .. } => "stop",
            Kind::Cut { way: Way::Both, .. } => "cut",
            Kind::Cut { .. } => "cut-one-way",
            Kind::Hold { .. } => "hold",
            Kind::Delay { .. } => "delay",
            Kind::Reorder { .. } => "reorder",
            Kind::Duplicate { .. } => "duplicate",
            Kind::SlowDisk { .. } => "slow-disk",
            Kind::FullDisk { .. } => "full-disk",
            Kind::FailedSync { .. } => "failed-sync",
            Kind::FailedWrite { .. } => "failed-write",
            Kind::LyingSync { .. } => "lying-sync",
            Kind::Rot { .. } => "rot",
            Kind::WrongDisk { blank: true, .. } => "blank-disk",
            Kind::WrongDisk { .. } => "swapped-disk",
            Kind::ClockSet { .. } => "clock-set",
            Kind::ClockRate { .. } => "clock-rate",
            Kind::Churn => "churn",
        }
    }
}
