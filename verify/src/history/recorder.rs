//! The recorder: writes a history down while it happens, and hands out its
//! positions.

use super::malformed::Malformed;
use super::op::{Call, Op, OpId, Outcome};
use super::{Epoch, History};

/// A history that is still being made. One recorder is shared by all users:
/// the order in which it is told is the order in which things happened.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    ops: Vec<Op>,
    /// The next event's position.
    position: u64,
    batches: u64,
    /// The first mistake of whoever records.
    mistake: Option<Malformed>,
}

impl Recorder {
    /// Nothing has happened yet.
    pub fn new() -> Recorder {
        Recorder::default()
    }

    /// A user makes a call. Tell it before the request leaves.
    pub fn begin(&mut self, user: u32, key: u32, call: Call) -> OpId {
        let begun = self.next();
        self.push(user, key, call, begun, None)
    }

    /// A user makes one request of several items, in their order.
    pub fn begin_batch(&mut self, user: u32, items: &[(u32, Call)]) -> Vec<OpId> {
        let begun = self.next();
        let batch = self.batches;
        self.batches += 1;
        items.iter().map(|(key, call)| self.push(user, *key, *call, begun, Some(batch))).collect()
    }

    /// The call wanted an answer under this epoch or none.
    pub fn expect_epoch(&mut self, id: OpId, epoch: Epoch) {
        if let Some(op) = self.ops.get_mut(id.index()) {
            op.expected_epoch = Some(epoch);
        }
    }

    /// An answer was heard. Tell it after it has arrived. What is never ended
    /// has an unknown outcome. Ending twice is a mistake that `finish` tells.
    pub fn end(&mut self, id: OpId, outcome: Outcome) {
        let ended = self.next();
        match self.ops.get_mut(id.index()) {
            Some(op) if op.ended.is_none() => (op.ended, op.outcome) = (Some(ended), outcome),
            _ => {
                self.mistake.get_or_insert(Malformed::Ended(id));
            }
        }
    }

    /// What has been told so far.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Everything is over, as far as anybody will hear.
    pub fn finish(self) -> Result<History, Malformed> {
        match self.mistake {
            Some(mistake) => Err(mistake),
            None => History::new(self.ops),
        }
    }

    fn next(&mut self) -> u64 {
        self.position += 1;
        self.position
    }

    fn push(&mut self, user: u32, key: u32, call: Call, begun: u64, batch: Option<u64>) -> OpId {
        let (outcome, ended, expected_epoch) = (Outcome::Unknown, None, None);
        self.ops.push(Op { user, key, call, begun, ended, outcome, batch, expected_epoch });
        OpId::at(self.ops.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_events() {
        let mut recorder = Recorder::new();
        let first = recorder.begin(1, 7, Call::Put { value: 10 });
        let both = recorder.begin_batch(2, &[(7, Call::Remove), (8, Call::Get)]);
        recorder.expect_epoch(first, Epoch::FIRST);
        recorder.end(both[1], Outcome::Unknown);
        recorder.end(first, Outcome::Refused);
        let history = recorder.finish().unwrap();
        let times: Vec<_> = history.ops().iter().map(|op| (op.begun, op.ended, op.batch)).collect();
        assert_eq!(times, [(1, Some(4), None), (2, None, Some(0)), (2, Some(3), Some(0))]);
        assert_eq!(history.op(first).expected_epoch, Some(Epoch::FIRST));
        assert_eq!(history.next_position(), 5);
        assert_eq!(history.told(first).to_string(), "op 0 (user 1, key 7: put 10, refused)");
    }

    /// What was told, and the mistake in it.
    type Case = (fn(&mut Recorder), Malformed);

    #[test]
    fn mistakes_are_told_at_the_end() {
        let rows: [Case; 5] = [
            (|r| r.end(OpId(0), Outcome::Refused), Malformed::Ended(OpId(0))),
            (
                |r| {
                    let id = r.begin(0, 0, Call::Get);
                    r.end(id, Outcome::Refused);
                    r.end(id, Outcome::Refused);
                },
                Malformed::Ended(OpId(0)),
            ),
            (
                |r| {
                    r.begin(0, 0, Call::Put { value: 5 });
                    r.begin(0, 1, Call::Put { value: 5 });
                },
                Malformed::Value(OpId(0), OpId(1), 5),
            ),
            (
                |r| {
                    let id = r.begin(0, 0, Call::Get);
                    r.end(id, Outcome::Wrote { partition: 1, epoch: Epoch::FIRST, index: 1, found: true });
                },
                Malformed::Outcome(OpId(0)),
            ),
            (
                |r| {
                    let id = r.begin(0, 0, Call::Remove);
                    let row = None;
                    r.end(id, Outcome::Read { partition: 1, epoch: Epoch::FIRST, applied: 1, row });
                },
                Malformed::Outcome(OpId(0)),
            ),
        ];
        for (record, expected) in rows {
            let mut recorder = Recorder::new();
            record(&mut recorder);
            assert_eq!(recorder.finish(), Err(expected));
        }
    }
}
