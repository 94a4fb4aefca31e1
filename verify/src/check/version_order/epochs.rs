//! Whoever has seen a higher epoch serves no more, so epochs never go down.

use super::super::violation::Violations;
use super::facts::Facts;
use super::sweep::Seen;
use crate::history::{Epoch, OpId};

/// Epochs by index, by time, and as they were expected.
pub(super) fn check(facts: &Facts<'_>, seen: &[Seen], found: &mut Violations) {
    by_index(facts, found);
    for (id, op) in facts.history.numbered() {
        let Some((_, epoch)) = op.answered_by() else { continue };
        if let Some(expected) = op.expected_epoch
            && expected != epoch
        {
            found.add("epoch", &[id], || {
                let told = facts.history.told(id);
                format!("{told} is answered under epoch {epoch} and wanted {expected} or nothing")
            });
        }
        if let Some(before) = seen[id.index()].epoch
            && before.value > epoch
            && !facts.is_doubted(id)
        {
            down(facts, found, (before.by, before.value), (id, epoch), "was answered before that was begun");
        }
    }
}

/// A write that was lost and sent again is answered by whoever serves then, with the
/// index that it has: so what was not heard before the other was begun may be of a
/// later epoch, though its index is lower.
fn by_index(facts: &Facts<'_>, found: &mut Violations) {
    let op = |id: OpId| facts.history.op(id);
    for partition in facts.partitions() {
        let mut highest: Option<(OpId, Epoch)> = None;
        for (_, id) in facts.indexes(partition) {
            let Some((_, epoch)) = facts.history.op(*id).answered_by() else { continue };
            match highest {
                Some(before) if before.1 > epoch => {
                    if op(before.0).ended.is_some_and(|ended| ended < op(*id).begun) {
                        down(facts, found, before, (*id, epoch), "has a lower index");
                    }
                }
                _ => highest = Some((*id, epoch)),
            }
        }
    }
}

fn down(facts: &Facts<'_>, found: &mut Violations, before: (OpId, Epoch), after: (OpId, Epoch), why: &str) {
    found.add("epoch", &[before.0, after.0], || {
        let (high, low) = (facts.history.told(before.0), facts.history.told(after.0));
        format!("{low} is under epoch {}, and {high} {why}, under epoch {}", after.1, before.1)
    });
}
