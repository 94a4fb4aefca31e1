//! What a simulated node is put through: a list of steps, drawn from a seed.

use env::rng::Stream;
use machine::RegisterCommand;
use model::PartitionId;

use crate::disk::host::PARTITIONS;
use bytes::Bytes;

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These commands, in one batch.
    Append(Vec<(PartitionId, RegisterCommand)>),
    /// Nothing for so many milliseconds.
    Pause(u64),
    /// This partition's rows go to disk.
    Flush(PartitionId),
    /// The process is killed and started again; the page cache stays.
    Restart,
}

/// `ops` steps. The first ones are fixed, so that even a short script rotates,
/// flushes and pauses.
pub(crate) fn script(ops: usize, stream: &mut Stream) -> Vec<Step> {
    let mut serial = 0;
    (0..ops).map(|at| step(at, &mut serial, stream)).collect()
}

fn step(at: usize, serial: &mut u64, stream: &mut Stream) -> Step {
    match (at, stream.below(100)) {
        (5, _) => Step::Pause(10),
        (9 | 18, _) => Step::Flush(PARTITIONS[0]),
        (10 | 19, _) => Step::Flush(PARTITIONS[1]),
        (11 | 20, _) => Step::Flush(PARTITIONS[2]),
        (14, _) => Step::Restart,
        (_, 0..70) => {
            let count = 1 + stream.below(4);
            Step::Append((0..count).map(|_| command(serial, stream)).collect())
        }
        (_, 70..80) => Step::Pause(1 + stream.below(10)),
        (_, 80..96) => Step::Flush(PARTITIONS[stream.below(3) as usize]),
        _ => Step::Restart,
    }
}

fn command(serial: &mut u64, stream: &mut Stream) -> (PartitionId, RegisterCommand) {
    *serial += 1;
    let partition = PARTITIONS[stream.below(3) as usize];
    let key = Bytes::from(format!("k{}", stream.below(3)));
    let command = match stream.below(10) {
        // Adding twice, or not at all, shows for ever; so does a value that
        // nobody else writes.
        0..5 => RegisterCommand::Add { key: Bytes::from_static(b"sum"), amount: *serial },
        5..9 => {
            let filler = ".".repeat(stream.below(120) as usize);
            RegisterCommand::Set { key, value: Bytes::from(format!("{serial}{filler}")) }
        }
        _ => RegisterCommand::Remove { key },
    };
    (partition, command)
}
