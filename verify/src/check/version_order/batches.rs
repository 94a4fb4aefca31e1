//! Items of one request that lie in one partition take indexes that follow each
//! other, in the order of the items.

use super::super::violation::Violations;
use super::facts::Facts;
use crate::history::OpId;
use std::collections::BTreeMap;

/// The part of a request that lies in one partition, as far as it was walked.
#[derive(Clone, Copy, Default)]
struct Part {
    /// The last item with an index.
    last: Option<(u64, OpId)>,
    /// Items behind it that may have an index of their own.
    open: u64,
}

/// Walks through the items of every request.
pub(super) fn check(facts: &Facts<'_>, found: &mut Violations) {
    let mut parts: BTreeMap<(u64, u64), Part> = BTreeMap::new();
    for (id, op) in facts.history.numbered() {
        let Some(batch) = op.batch else { continue };
        let home = facts.home(op.key);
        if op.is_open_write() && facts.index_of(id).is_none() {
            // Without an answer on its key it may lie in any of the partitions.
            let of_batch = parts.range_mut((batch, 0)..=(batch, u64::MAX));
            let may_be = of_batch.filter(|((_, at), _)| home.is_none_or(|home| home == *at));
            may_be.for_each(|(_, part)| part.open += 1);
        }
        let (Some(partition), Some(index)) = (home, facts.index_of(id)) else { continue };
        let part = parts.entry((batch, partition)).or_default();
        if let Some((before, item)) = part.last
            && !follows(facts, partition, before, index, part.open)
        {
            found.add("batch", &[item, id], || {
                let (one, other) = (facts.history.told(item), facts.history.told(id));
                format!("items of batch {batch} do not follow each other: {one}, then {other}")
            });
        }
        *part = Part { last: Some((index, id)), open: 0 };
    }
}

/// `index` comes right behind `before`, but for items whose outcome is unknown:
/// they may stand between, and nobody else.
fn follows(facts: &Facts<'_>, partition: u64, before: u64, index: u64, open: u64) -> bool {
    let Some(between) = index.checked_sub(before).and_then(|distance| distance.checked_sub(1)) else {
        return false;
    };
    if between > open {
        return false;
    }
    let indexes = facts.indexes(partition);
    let from = indexes.partition_point(|(known, _)| *known <= before);
    indexes.get(from).is_none_or(|(known, _)| *known >= index)
}
