//! Removing a range of rows, step by step.

use crate::answer::{receipt, senseless};
use crate::error::{Access, Error};
use crate::retrying::Attempt;
use crate::scope::Scope;
use crate::sending::{service, timed};
use crate::table::Table;
use bytes::Bytes;
use model::code;
use proto::convert::Receipt;
use proto::data::{RemoveRequest, RemoveResponse, RowRange};

/// The removal of a range under way: take it [`step`](Removal::step) by step, or
/// [`all`](Removal::all) of it.
///
/// Each step is one command at one partition: its rows go together, and once,
/// however often it has to be sent. The whole is not atomic. Rows that are written
/// meanwhile behind where it has come go as well, those before it stay; after an
/// error, what has gone is gone, and the same removal begun anew goes on.
#[derive(Debug)]
pub struct Removal {
    table: Table,
    /// What is left; `None` when that is nothing.
    left: Option<RowRange>,
    /// What cannot be asked for.
    refused: Option<Error>,
    limit: u64,
    removed: u64,
    /// A step was begun and has not ended.
    under_way: bool,
}

/// What one step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Rows that it removed.
    pub removed: u64,
    /// Where that stands in history, and what it is worth; none if there was nothing
    /// to look at.
    pub receipt: Option<Receipt>,
}

impl Removal {
    pub(crate) fn new(table: Table, scope: Scope) -> Removal {
        let refused = (scope.reverse || !scope.after.is_empty() || scope.limit_bytes > 0).then(|| {
            let message = "rows are removed from the start on: without `after`, `reverse` or `limit_bytes`";
            Error::new(code::MALFORMED, message).with_hint("Give a range, a prefix or nothing, and a limit.")
        });
        let Scope { start, end, limit, .. } = scope;
        let left = RowRange { start, end, limit, from: Bytes::new() };
        Removal { table, left: Some(left), refused, limit, removed: 0, under_way: false }
    }

    /// How many rows it has removed so far.
    pub fn removed(&self) -> u64 {
        self.removed
    }

    /// Removes the next rows; `None` when all are gone, and behind an error. Who gives
    /// up waiting for a step does not know what it did: the next is an error.
    pub async fn step(&mut self) -> Option<Result<Step, Error>> {
        let range = self.left.take()?;
        if let Some(refused) = self.refused.take() {
            return Some(Err(refused));
        }
        if std::mem::replace(&mut self.under_way, true) {
            let error = Error::new(code::UNKNOWN_OUTCOME, "nobody waited for the step before");
            return Some(Err(error.with_hint("Begin the removal anew: what has gone is gone.")));
        }
        self.left = Some(range.clone());
        let table = &self.table;
        let sent = table.write(|attempt| table.send_remove_range(attempt, range.clone())).await;
        (self.left, self.under_way) = (None, false);
        Some(sent.and_then(|answer| self.take(range, &answer)))
    }

    /// Removes all that is left, and says how many rows have gone in all.
    pub async fn all(&mut self) -> Result<u64, Error> {
        while let Some(step) = self.step().await {
            step?;
        }
        Ok(self.removed)
    }

    fn take(&mut self, range: RowRange, answer: &RemoveResponse) -> Result<Step, Error> {
        let RemoveResponse { receipts, removed, next, .. } = answer;
        self.removed += removed;
        if !next.is_empty() && (*next < range.from || (*next == range.from && *removed == 0)) {
            return Err(senseless("it goes on where it was before"));
        }
        let limit = if self.limit > 0 { self.limit.saturating_sub(self.removed) } else { 0 };
        if !next.is_empty() && (self.limit == 0 || limit > 0) {
            self.left = Some(RowRange { from: next.clone(), limit, ..range });
        }
        let receipt = if receipts.is_empty() { None } else { Some(receipt(receipts, 0)?) };
        Ok(Step { removed: *removed, receipt })
    }
}

impl Table {
    /// Removes a range of rows: nothing is sent before the first step. The scope is
    /// one without `after`, `reverse` and `limit_bytes`.
    pub fn remove_range(&self, scope: Scope) -> Removal {
        Removal::new(self.clone(), scope)
    }

    async fn send_remove_range(&self, attempt: Attempt, range: RowRange) -> Result<RemoveResponse, Error> {
        let header = Some(self.header_for(attempt.remaining, attempt.op, attempt.forward));
        let (table, range) = (self.name().to_owned(), Some(range));
        let request = RemoveRequest { header, table, range, ..RemoveRequest::default() };
        let answer = service(attempt.channel).remove(timed(request, attempt.remaining)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(status, Access::Write))
    }
}
