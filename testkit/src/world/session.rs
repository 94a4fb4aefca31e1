//! What a lane has seen, and demands that its reads have seen as well: position
//! tokens, now and then one that nobody can meet.

use model::{PartitionId, Position};
use proto::common::{Position as Written, Receipt};
use proto::convert::receipt_from_wire;
use proto::data::stream_response::Response;
use std::collections::BTreeMap;

/// Every so many reads are after what was seen last, …
const AFTER_EVERY: u64 = 4;
/// … and every so many after what has never been.
const AHEAD_EVERY: u64 = 12;
const AHEAD: u64 = 1 << 40;

/// One lane's.
#[derive(Default)]
pub struct Session {
    latest: BTreeMap<PartitionId, Position>,
    reads: u64,
}

impl Session {
    /// What the next read has to have seen.
    pub fn demand(&mut self) -> Vec<Written> {
        self.reads += 1;
        let ahead = if self.reads.is_multiple_of(AHEAD_EVERY) { AHEAD } else { 0 };
        if !self.reads.is_multiple_of(AFTER_EVERY) {
            return Vec::new();
        }
        let written = |position: &Position| Written {
            partition: position.partition.0,
            boot: position.boot.0,
            index: position.index + ahead,
        };
        self.latest.values().map(written).collect()
    }

    /// What an answer says, and what is wrong with it: one whose receipt is not as
    /// far as the read was to see should have been refused.
    pub fn hear(&mut self, demanded: &[Written], response: &Response) -> Option<String> {
        let receipts = match response {
            Response::Upsert(answer) => &answer.receipts,
            Response::Remove(answer) => &answer.receipts,
            Response::Get(answer) => &answer.receipts,
            // A refusal of what was demanded may be for good.
            Response::Error(_) if !demanded.is_empty() => {
                self.latest.clear();
                return None;
            }
            _ => return None,
        };
        receipts.iter().for_each(|receipt| self.note(receipt));
        let short = |receipt: &&Receipt| {
            demanded.iter().any(|one| one.partition == receipt.partition && one.index > receipt.index)
        };
        let short = receipts.iter().find(short)?;
        Some(format!("partition {} answered at {} a read that was to see more", short.partition, short.index))
    }

    fn note(&mut self, receipt: &Receipt) {
        if let Ok(receipt) = receipt_from_wire(receipt) {
            let position = receipt.position();
            self.latest.insert(position.partition, position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::BootId;
    use proto::data::GetResponse;

    #[test]
    fn an_answer_that_saw_too_little_is_noticed() {
        let answer = |index| {
            let receipt = Receipt { partition: 1, index, durability: 3, boot: 7, ..Receipt::default() };
            Response::Get(GetResponse { receipts: vec![receipt], ..GetResponse::default() })
        };
        let mut session = Session::default();
        assert_eq!(session.hear(&[], &answer(5)), None);
        let demands: Vec<Vec<Written>> = (0..AHEAD_EVERY).map(|_| session.demand()).collect();
        let indexes: Vec<Option<u64>> = demands.iter().map(|one| one.first().map(|one| one.index)).collect();
        let expected = |read: u64| match read {
            4 | 8 => Some(5),
            12 => Some(5 + AHEAD),
            _ => None,
        };
        assert_eq!(indexes, (1..=AHEAD_EVERY).map(expected).collect::<Vec<_>>());
        assert_eq!(session.hear(&demands[3], &answer(5)), None);
        assert!(session.hear(&demands[3], &answer(4)).is_some());
        assert!(session.hear(&demands[11], &answer(9)).is_some());
        assert_eq!(session.latest.get(&PartitionId(1)).map(|one| one.boot), Some(BootId(7)));
    }
}
