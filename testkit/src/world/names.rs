//! The names under which a user's writes are done once.

use bytes::Bytes;
use model::code;
use proto::Failure;
use proto::common::OpId;
use proto::data::item_result::Outcome;
use proto::data::stream_response::Response;

/// 2019-12-31: before the clock of any node here, however it is set.
const MADE_MS: u64 = 1_577_750_400_000;

/// Of one lane: one operation at a time.
pub(super) struct Names {
    random: u64,
    /// Ids so far: each says that it was made a millisecond after the last.
    ids: u64,
    next: u64,
}

impl Names {
    pub fn new(random: u64) -> Names {
        Names { random, ids: 0, next: 1 }
    }

    /// The name of a write of so many items.
    pub fn next(&mut self, items: usize) -> OpId {
        let made = u128::from(MADE_MS + self.ids) << 80;
        let client = made | 7 << 76 | 2 << 62 | u128::from(self.random >> 2);
        let sequence = self.next;
        self.next += items as u64;
        OpId { client: Bytes::copy_from_slice(&client.to_be_bytes()), sequence }
    }

    /// A node that has forgotten the client gets to know another.
    pub fn hear(&mut self, answer: &Response) {
        let forgets =
            |error: &proto::common::Error| Failure::from_wire(error.clone()).is(code::CLIENT_FORGOTTEN);
        let results = match answer {
            Response::Upsert(answer) => &answer.results[..],
            Response::Remove(answer) => &answer.results,
            Response::Get(_) | Response::Apply(_) | Response::Query(_) | Response::Error(_) => &[],
        };
        let forgotten = match answer {
            Response::Error(error) => forgets(error),
            _ => {
                results.iter().any(|result| matches!(&result.outcome, Some(Outcome::Error(e)) if forgets(e)))
            }
        };
        if forgotten {
            // Those of all lanes rise together, and by more than there are lanes.
            (self.ids, self.next) = (self.ids + 1, 1);
        }
    }
}
