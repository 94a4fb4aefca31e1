//! A read must be as new as what anybody had been told before it was begun.

use super::super::violation::Violations;
use super::facts::Facts;
use super::sweep::Seen;
use crate::history::{Call, END_USER, Op, OpId, Outcome, Row};

/// A read and its answer.
pub(super) struct Read<'a> {
    pub id: OpId,
    pub op: &'a Op,
    pub partition: u64,
    pub applied: u64,
    pub row: Option<Row>,
}

/// What a read tells to everybody who comes after it.
pub(super) struct Shown {
    /// An index that certainly exists.
    pub index: u64,
    /// No row that was written up to here will be seen again.
    pub gone: Option<u64>,
}

/// Holds a read against what had been told before it was begun.
pub(super) fn check(facts: &Facts<'_>, read: &Read<'_>, seen: Seen, found: &mut Violations) -> Shown {
    // A client that hears of no row hears of no receipt, either: 0.
    let has_receipt = read.applied > 0 || read.row.is_some();
    if let Some(promised) = seen.promised.filter(|promised| has_receipt && read.applied < promised.value) {
        found.add("behind", &[promised.by, read.id], || {
            let (told, first) = (facts.history.told(read.id), facts.history.told(promised.by));
            let partition = read.partition;
            format!("{told}, but index {} of partition {partition} was of {first}", promised.value)
        });
    }
    // The row is looked up after `applied`, so all of that is in it.
    let least = read.applied.max(seen.index());
    match read.row {
        Some(row) => present(facts, read, row, least, seen, found),
        None => absent(facts, read, least, seen, found),
    }
}

fn present(
    facts: &Facts<'_>,
    read: &Read<'_>,
    row: Row,
    least: u64,
    seen: Seen,
    found: &mut Violations,
) -> Shown {
    let hidden_by = facts.last_write(read.op.key, least).filter(|(index, _)| *index > row.revision);
    if let Some((index, newer)) = hidden_by {
        found.add(rule(facts, read, newer), &[newer, read.id], || {
            let (told, newer) = (facts.history.told(read.id), facts.history.told(newer));
            format!("{told}, but index {index} had to be in it, {newer}")
        });
    } else if let Some(gone) = seen.gone
        && gone.value >= row.revision
    {
        found.add("stale", &[gone.by, read.id], || {
            let (told, first) = (facts.history.told(read.id), facts.history.told(gone.by));
            format!("{told}, but that row had been removed before: {first}")
        });
    }
    Shown { index: least.max(row.revision), gone: None }
}

/// No row: the beginning, or a remove. Which remove it was decides what later
/// reads may show; when more than one can be meant, the earliest is assumed.
fn absent(facts: &Facts<'_>, read: &Read<'_>, least: u64, seen: Seen, found: &mut Violations) -> Shown {
    let last = facts.last_write(read.op.key, least);
    let Some((index, put)) = last.filter(|(_, id)| facts.history.op(*id).call != Call::Remove) else {
        return Shown { index: least, gone: None };
    };
    let shown = |by: u64| Shown { index: least.max(by), gone: Some(index) };
    let open = facts.open_on(read.op.key).any(|(_, op)| op.call == Call::Remove && before(op, read.op));
    if open || seen.gone.is_some_and(|gone| gone.value >= index) {
        return shown(index.saturating_add(1));
    }
    match known_remove(facts, read.op, least) {
        Some(by) => shown(by),
        None => {
            found.add(rule(facts, read, put), &[put, read.id], || {
                let (told, put) = (facts.history.told(read.id), facts.history.told(put));
                format!("{told}, but index {index} had to be in it and nothing removed it: {put}")
            });
            Shown { index: least, gone: None }
        }
    }
}

/// The first known remove behind an index that can have been before a read.
fn known_remove(facts: &Facts<'_>, read: &Op, above: u64) -> Option<u64> {
    let writes = facts.writes_to(read.key);
    let from = writes.partition_point(|(index, _)| *index <= above);
    let removes = writes[from..].iter().map(|(index, id)| (index, facts.history.op(*id)));
    let mut explaining = removes.filter(|(_, op)| op.call == Call::Remove && before(op, read));
    explaining.next().map(|(index, _)| *index)
}

/// The write was begun before the read had ended.
fn before(write: &Op, read: &Op) -> bool {
    read.ended.is_some_and(|ended| write.begun < ended)
}

/// What to call it that a read does not show a write.
fn rule(facts: &Facts<'_>, read: &Read<'_>, missed: OpId) -> &'static str {
    if read.op.user == END_USER {
        "lost"
    } else if facts.history.op(missed).outcome == Outcome::Unknown {
        "vanished"
    } else {
        "stale"
    }
}
