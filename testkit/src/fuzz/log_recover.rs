//! Any bytes as the only segment of a log.

use crate::fuzz::sparse::{IDENTITY, SEGMENT, is_sealed, to_segment};
use env::sim::SimDisk;
use env::{Files, Mono, Plants};
use model::{Limits, Record};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{Damage, LogConfig, LogError, MarkPolicy, SyncPolicy};

const DIR: &str = "/log";

/// Recovers from the input's segment: a log or a code, and what one start
/// finds, the next one finds again.
pub fn log_recover(input: &[u8]) {
    let disk = SimDisk::new();
    disk.create_dir(Path::new(DIR)).expect("made");
    let path = Path::new(DIR).join(format!("{:020}.log", SEGMENT.0));
    let device = disk.create(&path).expect("created");
    device.write_at(0, &to_segment(input)).expect("written");
    device.sync().expect("synced");
    disk.sync_dir(Path::new(DIR)).expect("synced");
    let names = disk.list(Path::new(DIR)).expect("listed");
    match found(&disk) {
        Err(error) => {
            assert!(error.code().number > 1000);
            assert_eq!(
                disk.list(Path::new(DIR)).expect("listed"),
                names,
                "a refusal changes nothing: {error}"
            );
        }
        Ok((records, damages)) => {
            let (again, still) = found(&disk).expect("it has been opened before");
            assert_eq!(again, records, "a second start shows the same records");
            // Numbers that contradict each other under checksums that fit were
            // never a log: of those, only the records are compared.
            let rot = !is_sealed(input);
            for damage in damages.iter().filter(|damage| rot && loses_indexes(damage)) {
                let place = (damage.segment, damage.offset);
                let again = still.iter().any(|other| (other.segment, other.offset) == place);
                assert!(again, "damage is not forgotten: {damage:?}, then {still:?}");
            }
        }
    }
}

/// Lost promises are told once: then the opening marks the state as suspect.
fn loses_indexes(damage: &Damage) -> bool {
    damage.everybody || damage.condemned.iter().any(|lost| lost.last >= lost.first)
}

fn found(disk: &SimDisk) -> Result<(Vec<Record>, Vec<Damage>), LogError> {
    let config = LogConfig {
        dir: PathBuf::from(DIR),
        identity: IDENTITY,
        sync: SyncPolicy::Each,
        mark: MarkPolicy::Idle,
        limits: Limits { log_segment_bytes: 32 * 1024, ..Limits::default() },
        plants: Plants::NONE,
    };
    let mut log = wal::open(Arc::new(disk.clone()), config, Mono(0))?;
    let mut records = Vec::new();
    while let Some(batch) = log.reader.next_batch()? {
        records.extend(batch.records);
    }
    Ok((records, log.recovery.damages))
}
