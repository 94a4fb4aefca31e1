//! What a seed decides before anything happens.

use env::{Plant, Plants, Rng};
use replication::raft::Timing;

/// Sizes, speeds and habits of one world.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// How many hosts.
    pub hosts: u64,
    /// How many partitions.
    pub partitions: u64,
    /// How long proposers work.
    pub work_ms: u64,
    /// Least and most time of a sync.
    pub sync_us: (u64, u64),
    /// Syncs of a hundred that take ten times as long.
    pub spikes_percent: u64,
    /// Least and most time that a message travels.
    pub latency_us: (u64, u64),
    /// Messages of a thousand that are lost.
    pub lost_permille: u64,
    /// Messages of a thousand that come twice.
    pub doubled_permille: u64,
    /// Messages of a thousand that are overtaken.
    pub overtaken_permille: u64,
    /// A leader proposes about so often.
    pub think_us: u64,
    /// Records of a leader that may be under way.
    pub under_way: usize,
    /// A fault begins about so often.
    pub faults_every_ms: u64,
    /// Another group is wanted of some partition about so often.
    pub wishes_every_ms: u64,
    /// A host asks what is wanted about so often.
    pub hears_ms: u64,
    /// A store is flushed about so often.
    pub flush_every_ms: u64,
    /// Whoever has flushed lets go of it in its log.
    pub purges: bool,
    /// An export takes at most so long on its way.
    pub fetch_ms: u64,
    /// How patient groups are.
    pub timing: Timing,
}

impl Knobs {
    /// So that a mistake shows that needs what is rare.
    #[must_use]
    pub fn aimed_at(self, plants: Plants) -> Knobs {
        if !plants.has(Plant::StaleWish) {
            return self;
        }
        Knobs { hosts: 5, wishes_every_ms: 1_000, hears_ms: 8_000, faults_every_ms: 700, ..self }
    }

    /// The seed's.
    pub fn of(rng: &Rng, work_ms: u64) -> Knobs {
        let mut draw = rng.stream("knobs");
        let mut of = |choices: &[u64]| choices[draw.below(choices.len() as u64) as usize];
        let sync_us = match of(&[0, 1, 2]) {
            0 => (200, 4_000),
            1 => (5_000, 50_000),
            _ => (20_000, 200_000),
        };
        let latency_us = match of(&[0, 1, 2]) {
            0 => (50, 500),
            1 => (500, 10_000),
            _ => (5_000, 40_000),
        };
        let spikes_percent = of(&[0, 2, 10]);
        // Who is elected has to hear of it before somebody else tries: a vote waits
        // for two syncs, the second of which others may have caused.
        let slowest_ms = 2 * sync_us.1 * if spikes_percent > 0 { 10 } else { 1 } / 1000;
        let heartbeat_ms = of(&[50, 100, 300]).max(slowest_ms);
        Knobs {
            hosts: of(&[3, 3, 3, 5]),
            partitions: of(&[1, 2, 5]),
            work_ms,
            sync_us,
            spikes_percent,
            latency_us,
            lost_permille: of(&[0, 0, 5, 50]),
            doubled_permille: of(&[0, 0, 20]),
            overtaken_permille: of(&[0, 0, 20]),
            think_us: of(&[1_000, 10_000, 50_000]),
            under_way: of(&[1, 4, 16]) as usize,
            faults_every_ms: of(&[500, 2_000, 8_000]),
            wishes_every_ms: of(&[1_500, 6_000, 1_000_000]),
            hears_ms: of(&[500, 6_000]),
            flush_every_ms: of(&[200, 2_000]),
            purges: of(&[0, 1, 1]) == 1,
            fetch_ms: of(&[20, 500, 4_000]),
            timing: Timing {
                heartbeat_ms,
                election_ms: (3 * heartbeat_ms, 6 * heartbeat_ms),
                append_patience_ms: of(&[1_000, 3_000]).max(2 * slowest_ms),
            },
        }
    }
}
