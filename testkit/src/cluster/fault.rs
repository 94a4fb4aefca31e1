//! What goes wrong, by a seed.

use super::run::NODES;
use env::Rng;

/// Something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A process is killed, and started again after so long.
    Kill { node: u32, down_ms: u64 },
    /// A machine loses its power, and what it had not synced.
    Power { node: u32, down_ms: u64, image: u64 },
    /// All of them do at once.
    PowerOfAll { down_ms: u64, image: u64 },
    /// A process is stopped, and goes on after so long.
    Stop { node: u32, for_ms: u64 },
    /// The way between two nodes is cut, both ways or one.
    Cut { from: u32, to: u32, one_way: bool, for_ms: u64 },
    /// A node reaches nobody.
    Alone { node: u32, for_ms: u64 },
    /// A disk is so many times slower.
    SlowDisk { node: u32, times: u64, for_ms: u64 },
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Kill { .. } => "kill",
            Kind::Power { .. } => "power",
            Kind::PowerOfAll { .. } => "power-of-all",
            Kind::Stop { .. } => "stop",
            Kind::Cut { .. } => "cut",
            Kind::Alone { .. } => "alone",
            Kind::SlowDisk { .. } => "slow-disk",
        }
    }
}

/// What goes wrong while users work, and when.
pub fn draw(rng: &Rng, work_ms: u64) -> Vec<(u64, Kind)> {
    let draws = &mut rng.stream("faults");
    // One seed in ten is left alone.
    if draws.chance(10) {
        return Vec::new();
    }
    let mean_ms = [1_000, 3_000, 6_000][draws.below(3) as usize];
    let (mut faults, mut at) = (Vec::new(), 2_000);
    loop {
        at += 1 + draws.below(mean_ms * 2);
        if at >= work_ms {
            return faults;
        }
        let node = 1 + draws.below(NODES.into()) as u32;
        let other = 1 + (node + draws.below(u64::from(NODES) - 1) as u32) % NODES;
        let for_ms = [200, 1_500, 6_000, 15_000][draws.below(4) as usize];
        let for_ms = 1 + draws.below(for_ms);
        let image = draws.next_u64();
        faults.push((
            at,
            match draws.below(100) {
                0..25 => Kind::Kill { node, down_ms: for_ms },
                25..40 => Kind::Power { node, down_ms: for_ms, image },
                40..45 => Kind::PowerOfAll { down_ms: for_ms.min(3_000), image },
                45..60 => Kind::Stop { node, for_ms: for_ms.min(8_000) },
                60..75 => Kind::Cut { from: node, to: other, one_way: draws.chance(50), for_ms },
                75..90 => Kind::Alone { node, for_ms },
                _ => Kind::SlowDisk { node, times: 2 + draws.below(20), for_ms },
            },
        ));
    }
}
