//! The way through a range: which partitions, in which order, and which rows of each.
//!
//! Everything here is in the order in which a table stores its rows: by key, or
//! by point and then by key.

use bytes::Bytes;
use model::key::KEY_BYTES_MAX;
use model::keyspace::{DATA_END, data_bound, encode_data};
use model::{Key, KeyRange, Layout, code};
use partition_mgr::directory::Place;
use proto::Failure;
use proto::data::{RowRange, ScanRequest};

/// What is meant, as bytes of stored keys without their kind.
///
/// Invariant: not empty.
#[derive(Debug)]
pub(in crate::data) struct Span(KeyRange);

/// A piece of the way.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::data) enum Stretch {
    /// Rows of a place of the table: these stored keys.
    Rows(usize, KeyRange),
    /// Keys that no partition holds.
    Gap(KeyRange),
}

impl Span {
    /// What a scan is to see; `None` when nothing is left of it.
    pub fn of(request: &ScanRequest, layout: Layout) -> Result<Option<Span>, Failure> {
        let all = between(&request.start, &request.end, layout)?;
        let Some(after) = bound("after", &request.after)? else { return Ok(Some(Span(all))) };
        let after =
            Key::new(after).map_err(|error| Failure::new(code::KEY_INVALID, format!("after: {error}")))?;
        let seen = encode_data(layout, &after).slice(1..);
        Ok(behind(&all, &seen, request.reverse).map(Span))
    }

    /// What is to be removed; `None` when nothing is left of it.
    pub fn removed(range: &RowRange, layout: Layout) -> Result<Option<Span>, Failure> {
        let all = between(&range.start, &range.end, layout)?;
        let from = &range.from;
        if from.len() > KEY_BYTES_MAX + 8 {
            let what = format!("from: {} bytes were never said to go on at", from.len());
            return Err(Failure::new(code::MALFORMED, what));
        }
        let start = from.clone().max(Bytes::copy_from_slice(all.start()));
        Ok(KeyRange::new(start, end_of(&all)).map(Span))
    }

    /// The way through these places, which are sorted.
    pub fn stretches(&self, places: &[Place], reverse: bool) -> Vec<Stretch> {
        let Span(all) = self;
        let mut stretches = Vec::new();
        let mut at = Some(Bytes::copy_from_slice(all.start()));
        for (number, place) in places.iter().enumerate() {
            let Some(from) = at.clone().filter(|at| all.contains(at)) else { break };
            let Some(here) = both(&KeyRange::new(from.clone(), end_of(all)), &place.range) else { continue };
            stretches.extend(gap(from, here.start()));
            let (start, end) = (data_bound(here.start()), here.end().map(data_bound));
            let rows = KeyRange::new(start, Some(end.unwrap_or(Bytes::from_static(&DATA_END))));
            stretches.extend(rows.map(|rows| Stretch::Rows(number, rows)));
            at = end_of(&here);
        }
        if let Some(from) = at.filter(|at| all.contains(at)) {
            stretches.extend(KeyRange::new(from, end_of(all)).map(Stretch::Gap));
        }
        if reverse {
            stretches.reverse();
        }
        stretches
    }
}

/// No partition holds what is in a gap.
pub(super) fn nobody_holds(gap: &KeyRange) -> Failure {
    Failure::new(code::NO_PARTITION, format!("no partition holds what is in {gap}"))
}

/// The rows between these keys, each of which may be left out.
fn between(start: &Bytes, end: &Bytes, layout: Layout) -> Result<KeyRange, Failure> {
    let (start, end) = (bound("start", start)?, bound("end", end)?);
    if layout == Layout::Hashed && (start.is_some() || end.is_some()) {
        let mut failure =
            Failure::new(code::MALFORMED, "a hashed table has no order of keys to take a range of");
        failure.hint =
            "Ask for all of it, without `start` and `end`, or keep the rows in an ordered table.".to_owned();
        return Err(failure);
    }
    let first = match layout {
        Layout::Ordered => Bytes::from_static(&[0]),
        Layout::Hashed => Bytes::from_static(&[0; 8]),
    };
    let start = start.map_or(first.clone(), |start| start.max(first));
    KeyRange::new(start, end)
        .ok_or_else(|| Failure::new(code::RANGE_INVALID, "the range's `end` is not behind its `start`"))
}

/// A key of the request that may be left out.
fn bound(name: &str, key: &Bytes) -> Result<Option<Bytes>, Failure> {
    if key.is_empty() {
        return Ok(None);
    }
    match Key::new(key.clone()) {
        Ok(_) => Ok(Some(key.clone())),
        Err(error) => Err(Failure::new(code::KEY_INVALID, format!("{name}: {error}"))),
    }
}

/// What is left of a range behind what was seen last.
fn behind(all: &KeyRange, seen: &Bytes, reverse: bool) -> Option<KeyRange> {
    if reverse {
        let end = all.end().filter(|end| *end < &seen[..]).map_or(seen.clone(), Bytes::copy_from_slice);
        return KeyRange::new(Bytes::copy_from_slice(all.start()), Some(end));
    }
    let next = Bytes::from([seen, &[0][..]].concat());
    KeyRange::new(next.max(Bytes::copy_from_slice(all.start())), end_of(all))
}

fn both(one: &Option<KeyRange>, other: &KeyRange) -> Option<KeyRange> {
    let one = one.as_ref()?;
    let start = Bytes::copy_from_slice(one.start().max(other.start()));
    let end = match (end_of(one), end_of(other)) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    KeyRange::new(start, end)
}

fn end_of(range: &KeyRange) -> Option<Bytes> {
    range.end().map(Bytes::copy_from_slice)
}

fn gap(from: Bytes, upto: &[u8]) -> Option<Stretch> {
    KeyRange::new(from, Some(Bytes::copy_from_slice(upto))).map(Stretch::Gap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Epoch, PartitionId};
    use partition_mgr::directory::Standing;

    fn places(ranges: &[(&'static str, &'static str)]) -> Vec<Place> {
        let place = |(start, end): &(&'static str, &'static str)| {
            let end = Some(Bytes::from(*end)).filter(|end| !end.is_empty());
            Place {
                id: PartitionId(1),
                range: KeyRange::new(*start, end).expect("not empty"),
                epoch: Epoch::FIRST,
                standing: Standing::Failed(String::new()),
            }
        };
        ranges.iter().map(place).collect()
    }

    fn request(start: &'static str, end: &'static str, after: &'static str, reverse: bool) -> ScanRequest {
        let (start, end, after) = (start.into(), end.into(), after.into());
        ScanRequest { start, end, after, reverse, ..ScanRequest::default() }
    }

    /// `0[a, b)` for rows of place 0, `[a, b)` for a gap.
    fn told(request: &ScanRequest, places: &[Place]) -> String {
        let Some(span) = Span::of(request, Layout::Ordered).expect("a span") else {
            return "nothing".to_owned();
        };
        let stretch = |stretch: &Stretch| match stretch {
            Stretch::Rows(number, range) => {
                let end = range.end().expect("data ends").escape_ascii().to_string();
                format!("{number}[{}, {end})", range.start()[1..].escape_ascii()).replace("\\x01", "")
            }
            Stretch::Gap(range) => range.to_string(),
        };
        let stretches = span.stretches(places, request.reverse);
        stretches.iter().map(stretch).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_way_passes_every_place_and_every_gap_in_order() {
        let whole = places(&[("", "g"), ("g", "p"), ("p", "")]);
        let holes = places(&[("b", "g"), ("h", "k")]);
        let table = [
            (request("", "", "", false), &whole, "0[\\x00, g) 1[g, p) 2[p, \\x02)"),
            (request("", "", "", true), &whole, "2[p, \\x02) 1[g, p) 0[\\x00, g)"),
            (request("c", "h", "", false), &whole, "0[c, g) 1[g, h)"),
            (request("c", "g", "", true), &whole, "0[c, g)"),
            (request("g", "", "", false), &whole, "1[g, p) 2[p, \\x02)"),
            (request("c", "h", "d", false), &whole, "0[d\\x00, g) 1[g, h)"),
            (request("c", "h", "d", true), &whole, "0[c, d)"),
            (request("c", "h", "a", false), &whole, "0[c, g) 1[g, h)"),
            (request("c", "h", "z", true), &whole, "1[g, h) 0[c, g)"),
            (request("c", "h", "z", false), &whole, "nothing"),
            (request("c", "h", "c", true), &whole, "nothing"),
            (request("", "", "", false), &holes, "[\\x00, b) 0[b, g) [g, h) 1[h, k) [k, ∞)"),
            (request("b", "k", "", true), &holes, "1[h, k) [g, h) 0[b, g)"),
            (request("gg", "gz", "", false), &holes, "[gg, gz)"),
            (request("", "", "", false), &Vec::new(), "[\\x00, ∞)"),
        ];
        for (request, places, expected) in table {
            assert_eq!(told(&request, places), expected, "{request:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let long: &'static str = Box::leak("k".repeat(1025).into_boxed_str());
        let table = [
            (Layout::Ordered, request("b", "b", "", false), code::RANGE_INVALID, "behind"),
            (Layout::Ordered, request("b", "a", "", true), code::RANGE_INVALID, "behind"),
            (Layout::Ordered, request(long, "", "", false), code::KEY_INVALID, "start"),
            (Layout::Ordered, request("", long, "", false), code::KEY_INVALID, "end"),
            (Layout::Ordered, request("", "", long, false), code::KEY_INVALID, "after"),
            (Layout::Hashed, request("a", "", "", false), code::MALFORMED, "hashed"),
            (Layout::Hashed, request("", "a", "", false), code::MALFORMED, "hashed"),
        ];
        for (layout, request, code, word) in table {
            let failure = Span::of(&request, layout).expect_err(word);
            assert!(failure.is(code) && failure.message.contains(word), "{failure}");
        }
    }

    #[test]
    fn what_is_to_be_removed_goes_on_where_it_was_told() {
        let range = |start: &'static str, end: &'static str, from: &'static str| RowRange {
            start: start.into(),
            end: end.into(),
            from: from.into(),
            limit: 0,
        };
        let table = [
            (Layout::Ordered, range("", "", ""), Some("[\\x00, ∞)")),
            (Layout::Ordered, range("b", "d", ""), Some("[b, d)")),
            (Layout::Ordered, range("b", "d", "a"), Some("[b, d)")),
            (Layout::Ordered, range("b", "d", "c"), Some("[c, d)")),
            (Layout::Ordered, range("b", "d", "d"), None),
            (Layout::Hashed, range("", "", "points are bytes"), Some("[points are bytes, ∞)")),
        ];
        for (layout, range, expected) in table {
            let span = Span::removed(&range, layout).expect("sense");
            assert_eq!(span.map(|Span(all)| all.to_string()).as_deref(), expected, "{range:?}");
        }
        let long: &'static str = Box::leak("k".repeat(1033).into_boxed_str());
        for (layout, range, code) in [
            (Layout::Ordered, range("b", "a", ""), code::RANGE_INVALID),
            (Layout::Ordered, range("", "", long), code::MALFORMED),
            (Layout::Hashed, range("a", "", ""), code::MALFORMED),
        ] {
            assert!(Span::removed(&range, layout).expect_err("no sense").is(code), "{range:?}");
        }
    }

    #[test]
    fn a_hashed_table_goes_on_behind_a_key_s_point() {
        let key = Key::new("k").expect("a key");
        let seen = encode_data(Layout::Hashed, &key);
        for (reverse, expected) in
            [(false, [&seen[..], b"\0"].concat()), (true, data_bound(&[0; 8]).to_vec())]
        {
            let span =
                Span::of(&request("", "", "k", reverse), Layout::Hashed).expect("sense").expect("not empty");
            let stretches = span.stretches(&places(&[("", "")]), reverse);
            let [Stretch::Rows(0, rows)] = &stretches[..] else { panic!("{stretches:?}") };
            assert_eq!(rows.start(), expected);
            assert_eq!(rows.end(), Some(if reverse { &seen[..] } else { &DATA_END }));
        }
    }
}
