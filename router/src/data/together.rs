//! What came of a request's commands, put together again in the order of its
//! items.

use super::DataPlane;
use super::groups::{Spot, nowhere};
use super::worth::receipt;
use model::{Code, code};
use pipeline::{Done, Reply};
use proto::convert::receipt_to_wire;
use proto::{Failure, common};

/// Receipts, and an outcome for each item.
pub(super) type Together<T> = (Vec<common::Receipt>, Vec<Result<T, Failure>>);

/// Receipts, and an outcome for each item: `of` says what a command came to, by
/// its place in its group and the place of its receipt.
///
/// When nothing at all was done, the reason is the answer to the whole request;
/// that something may have been done comes before everything else. What was asked
/// for alone is refused alone.
pub(super) fn together<T>(
    plane: &DataPlane,
    mut ends: Vec<Result<Done, Failure>>,
    spots: &[Spot],
    of: impl Fn(&Done, usize, u32) -> Result<T, Failure>,
) -> Result<Together<T>, Failure> {
    if !ends.iter().any(Result::is_ok) {
        let unknown =
            |end: &Result<Done, Failure>| end.as_ref().is_err_and(|why| why.is(code::UNKNOWN_OUTCOME));
        let first = ends.iter().position(unknown).or(if ends.is_empty() { None } else { Some(0) });
        let first = first.map(|at| ends.swap_remove(at));
        return Err(match first {
            Some(Err(failure)) => failure,
            _ => nowhere(),
        });
    }
    if let Some(code) = refused_whole(&ends) {
        return Err(Failure::new(code, code.title));
    }
    let mut receipts = Vec::with_capacity(ends.len());
    let receipt_of: Vec<u32> = ends
        .iter()
        .map(|end| {
            receipts.extend(end.as_ref().ok().map(|done| receipt_to_wire(&receipt(plane, done))));
            u32::try_from(receipts.len().saturating_sub(1)).unwrap_or(u32::MAX)
        })
        .collect();
    let outcome = |spot: &Spot| match spot {
        Spot::Nowhere => Err(nowhere()),
        Spot::In { group, at } => match &ends[*group] {
            Ok(done) => of(done, *at as usize, receipt_of[*group]),
            Err(failure) => Err(failure.clone()),
        },
    };
    match spots {
        [spot] => Ok((receipts, vec![Ok(outcome(spot)?)])),
        _ => {
            let outcomes = spots.iter().map(outcome).collect();
            Ok((receipts, outcomes))
        }
    }
}

/// Was every single command refused when it was its turn, and for one reason?
fn refused_whole(ends: &[Result<Done, Failure>]) -> Option<Code> {
    let replies = |done: &Done| (0..done.count as usize).map(|at| done.reply(at)).collect::<Vec<_>>();
    let mut why = None;
    for reply in ends.iter().flatten().flat_map(replies) {
        let Reply::Refused(code) = reply else { return None };
        if *why.get_or_insert(code) != code {
            return None;
        }
    }
    why.filter(|_| ends.iter().all(Result::is_ok))
}
