//! A remove says whether there was a row. Replay by index says so, too.

use super::super::violation::Violations;
use super::facts::Facts;
use super::sweep::Seen;
use crate::history::{Call, OpId, Outcome};

/// Compares what each remove found with the writes before it.
pub(super) fn check(facts: &Facts<'_>, seen: &[Seen], found: &mut Violations) {
    for (id, op) in facts.history.numbered() {
        let Outcome::Wrote { partition, index, found: row, .. } = op.outcome else { continue };
        if op.call != Call::Remove || facts.is_doubted(id) {
            continue;
        }
        let before = facts.last_write(op.key, index.saturating_sub(1));
        let (from, writer) = before.unzip();
        let there = writer.is_some_and(|writer| facts.history.op(writer).call != Call::Remove);
        let room = || facts.has_room(partition, from.unwrap_or(0), index);
        if row != there && !(room() && explained(facts, seen, op.key, index, row)) {
            told(facts, found, id, row, writer);
        }
    }
}

/// A write of unknown outcome can lie before the remove and makes it right. One
/// that was begun later knows of the remove's index.
fn explained(facts: &Facts<'_>, seen: &[Seen], key: u32, index: u64, row: bool) -> bool {
    facts.open_on(key).any(|(id, op)| (op.call != Call::Remove) == row && seen[id.index()].index() < index)
}

fn told(facts: &Facts<'_>, found: &mut Violations, id: OpId, row: bool, writer: Option<OpId>) {
    let ops: Vec<OpId> = writer.into_iter().chain([id]).collect();
    found.add("found", &ops, || {
        let history = facts.history;
        let said = if row { "there was a row" } else { "there was no row" };
        let before = match writer {
            Some(writer) => format!("before it was {}", history.told(writer)),
            None => "nothing was written before".to_owned(),
        };
        format!("{} says that {said}, but {before}", history.told(id))
    });
}
