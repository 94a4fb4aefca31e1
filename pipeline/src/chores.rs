//! What an owner owes its partition beside what clients ask: which record of its
//! own accord is due, and when the next will be.

use crate::rules::Rules;
use crate::standing::Standing;
use model::{Chore, Index, Stamp, StateHash, Trim};

/// Bounds of what one such record does.
#[derive(Clone, Copy, Debug)]
pub struct ChoreLimits {
    /// Rows that one tick expires.
    pub tick_rows_max: u32,
    /// Rows of events that one trim takes away.
    pub trim_rows_max: u32,
    /// Bytes of events that a partition keeps.
    pub binlog_bytes_max: u64,
    /// For how long it keeps them.
    pub binlog_age_ms_max: u64,
    /// Commands from one state hash in the log to the next.
    pub hash_commands: u64,
}

impl ChoreLimits {
    /// Those of a node.
    pub fn of(limits: &model::Limits) -> ChoreLimits {
        ChoreLimits {
            tick_rows_max: limits.tick_rows_max,
            trim_rows_max: limits.trim_rows_max,
            binlog_bytes_max: limits.binlog_bytes_max,
            binlog_age_ms_max: limits.binlog_age_ms_max,
            hash_commands: limits.hash_commands,
        }
    }

    /// Events are trimmed in steps: from an eighth above the bound to the bound.
    fn trims_above(&self) -> u64 {
        self.binlog_bytes_max.saturating_add(self.binlog_bytes_max / 8)
    }

    /// By age they are trimmed in steps, too.
    fn trims_at(&self, oldest: Stamp) -> Stamp {
        Stamp(oldest.0.saturating_add(self.age()).saturating_add(self.age() / 8))
    }

    fn age(&self) -> u64 {
        self.binlog_age_ms_max.saturating_mul(1_000_000)
    }
}

/// What an owner still owes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owed {
    /// It has just taken over: for how long nobody owned the partition is not
    /// noted yet.
    pub resumes: bool,
    /// The last index whose state hash is noted, or was when it took over.
    pub hashed: Index,
}

impl Owed {
    /// By whoever takes over here. A gap is noted where somebody may lose by it.
    pub fn at(standing: &Standing, rules: &Rules) -> Owed {
        let pauses = rules.machine.latest().pauses();
        let resumes = pauses && standing.applied > 0 && standing.first_due.is_some();
        Owed { resumes, hashed: standing.applied }
    }

    /// The state hash, where it is to be noted by now.
    pub fn hash(&self, standing: &Standing, limits: &ChoreLimits) -> Option<StateHash> {
        let is_due = standing.applied - self.hashed >= limits.hash_commands;
        is_due.then_some(StateHash { at: standing.applied, value: standing.hash })
    }

    /// The record that is due at this stamp, which would be its own.
    pub fn due(&self, standing: &Standing, rules: &Rules, limits: &ChoreLimits, now: Stamp) -> Option<Chore> {
        // Before anything else moves the partition's clock.
        if self.resumes {
            return Some(Chore::Resumed { gap: now.0.saturating_sub(standing.stamp.0) });
        }
        let latest = rules.machine.latest();
        if standing.version < latest.version() {
            return Some(Chore::UseMachine { version: latest.version(), name: latest.name().to_owned() });
        }
        if ticks_at(standing, rules).is_some_and(|due| due <= now) {
            return Some(Chore::Tick { most: limits.tick_rows_max });
        }
        let older_than = Stamp(now.0.saturating_sub(limits.age()));
        let trims_at = standing.binlog.oldest.map(|oldest| limits.trims_at(oldest));
        let is_old = trims_at.is_some_and(|at| at <= now);
        (is_old || standing.binlog.bytes > limits.trims_above()).then_some(Chore::Trim(Trim {
            most: limits.trim_rows_max,
            older_than,
            keep_bytes: limits.binlog_bytes_max,
        }))
    }

    /// When the next one is due, by the wall, if nothing else happens.
    pub fn next(&self, standing: &Standing, rules: &Rules, limits: &ChoreLimits) -> Option<Stamp> {
        if self.due(standing, rules, limits, Stamp(0)).is_some() {
            return Some(Stamp(0));
        }
        let trims_at = standing.binlog.oldest.map(|oldest| limits.trims_at(oldest));
        [ticks_at(standing, rules), trims_at].into_iter().flatten().min()
    }
}

/// When something is due by the wall.
fn ticks_at(standing: &Standing, rules: &Rules) -> Option<Stamp> {
    let paused = if rules.machine.latest().pauses() { standing.paused } else { 0 };
    standing.first_due.map(|due| Stamp(due.0.saturating_add(paused)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::Binlog;
    use machine::{Registry, Setting};
    use model::{Layout, PartitionId};

    const LIMITS: ChoreLimits = ChoreLimits {
        tick_rows_max: 10,
        trim_rows_max: 20,
        binlog_bytes_max: 800,
        binlog_age_ms_max: 1,
        hash_commands: 10,
    };

    fn rules(machine: &str) -> Rules {
        let registry = Registry::built_in();
        Rules::of(registry.make(machine, Setting::of(Layout::Hashed)).expect("it is there"))
    }

    #[test]
    fn what_is_due_and_when() {
        let calm = Standing { applied: 5, stamp: Stamp(100), ..Standing::new(PartitionId(1)) };
        let binlog = |bytes, oldest| Binlog { given_up: 0, bytes, oldest: Some(Stamp(oldest)) };
        let tick = Some(Chore::Tick { most: 10 });
        let trim =
            |older_than| Some(Chore::Trim(Trim { most: 20, older_than: Stamp(older_than), keep_bytes: 800 }));
        let table = [
            ("kv", calm.clone(), 150, None, None),
            ("kv", Standing { first_due: Some(Stamp(151)), ..calm.clone() }, 150, None, Some(151)),
            ("kv", Standing { first_due: Some(Stamp(150)), ..calm.clone() }, 150, tick.clone(), Some(150)),
            // Time that nobody owned counts for machines whose time stands still.
            ("kv", Standing { first_due: Some(Stamp(150)), paused: 9, ..calm.clone() }, 150, tick, Some(150)),
            ("lease", Standing { first_due: None, paused: 9, ..calm.clone() }, 150, None, None),
            ("kv", Standing { binlog: binlog(900, 100), ..calm.clone() }, 150, None, Some(1_125_100)),
            ("kv", Standing { binlog: binlog(901, 100), ..calm.clone() }, 150, trim(0), Some(0)),
            ("kv", Standing { binlog: binlog(1, 100), ..calm.clone() }, 1_125_099, None, Some(1_125_100)),
            ("kv", Standing { binlog: binlog(1, 100), ..calm }, 1_125_100, trim(125_100), Some(1_125_100)),
        ];
        for (machine, standing, now, due, next) in table {
            let rules = rules(machine);
            let owed = Owed::at(&standing, &rules);
            assert_eq!(owed.due(&standing, &rules, &LIMITS, Stamp(now)), due, "{standing:?}");
            assert_eq!(owed.next(&standing, &rules, &LIMITS), next.map(Stamp), "{standing:?}");
        }
    }

    #[test]
    fn the_state_hash_is_noted_after_so_many_commands() {
        let at = |applied| Standing { applied, hash: 7, ..Standing::new(PartitionId(1)) };
        let owed = Owed::at(&at(5), &rules("kv"));
        assert_eq!((owed.hash(&at(14), &LIMITS), owed.hashed), (None, 5));
        assert_eq!(owed.hash(&at(15), &LIMITS), Some(StateHash { at: 15, value: 7 }));
    }

    #[test]
    fn who_takes_over_notes_the_gap_before_anything_expires() {
        let standing = Standing {
            applied: 5,
            stamp: Stamp(100),
            first_due: Some(Stamp(110)),
            ..Standing::new(PartitionId(1))
        };
        let rules = rules("lease");
        let owed = Owed::at(&standing, &rules);
        assert_eq!(owed.due(&standing, &rules, &LIMITS, Stamp(900)), Some(Chore::Resumed { gap: 800 }));
        assert_eq!(owed.next(&standing, &rules, &LIMITS), Some(Stamp(0)));
        let noted = Standing { stamp: Stamp(900), paused: 800, ..standing };
        let owed = Owed { resumes: false, ..owed };
        assert_eq!(owed.due(&noted, &rules, &LIMITS, Stamp(909)), None);
        assert_eq!(owed.due(&noted, &rules, &LIMITS, Stamp(910)), Some(Chore::Tick { most: 10 }));
    }
}
