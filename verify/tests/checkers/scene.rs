//! Small histories as tables: one row is one operation, with its own positions.

use verify::history::{Call, Epoch, History, Op, Outcome, Row};

/// Call, begun, ended (0: never) and what came of it.
pub type Line = (Call, u64, u64, Came);

/// What came of an operation.
#[derive(Clone, Copy, Debug)]
pub enum Came {
    /// The write took this index.
    Index(u64),
    /// The remove took this index and found nothing.
    Missed(u64),
    /// The read was as new as this, and showed revision and value.
    Row(u64, u64, u64),
    /// The read was as new as this, and showed no row.
    None(u64),
    /// Nobody knows.
    Unknown,
}

pub const GET: Call = Call::Get;
pub const REMOVE: Call = Call::Remove;

pub const fn put(value: u64) -> Call {
    Call::Put { value }
}

const PARTITION: u64 = 1;
const EPOCH: Epoch = Epoch::FIRST;

/// The history of these lines, all on one key.
pub fn history(lines: &[Line]) -> History {
    history_on(&lines.iter().map(|line| (0, None, *line)).collect::<Vec<_>>())
}

/// The same with a key and a batch for each line.
pub fn history_on(lines: &[(u32, Option<u64>, Line)]) -> History {
    let op = |(key, batch, (call, begun, ended, came)): &(u32, Option<u64>, Line)| Op {
        user: 1,
        key: *key,
        call: *call,
        begun: *begun,
        ended: Some(*ended).filter(|ended| *ended > 0),
        outcome: outcome(*came),
        batch: *batch,
        expected_epoch: None,
    };
    History::new(lines.iter().map(op).collect()).expect("a history")
}

fn outcome(came: Came) -> Outcome {
    let (partition, epoch) = (PARTITION, EPOCH);
    let read = |applied, row| Outcome::Read { partition, epoch, applied, row };
    match came {
        Came::Index(index) => Outcome::Wrote { partition, epoch, index, found: true },
        Came::Missed(index) => Outcome::Wrote { partition, epoch, index, found: false },
        Came::Row(applied, revision, value) => read(applied, Some(Row { revision, value })),
        Came::None(applied) => read(applied, None),
        Came::Unknown => Outcome::Unknown,
    }
}
