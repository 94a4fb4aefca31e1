//! Tables and ranges, from wire to model and back.

use bytes::Bytes;
use coordinator::{TableName, TableSpec};
use model::{Code, Durability, KeyRange, Layout, code};
use pipeline::{Preset, Profile};
use proto::Failure;
use proto::control::{self, CreateTableRequest};
use proto::convert::Asked;
use std::str::FromStr;

/// The only one there is.
const DISPATCHER: &str = "linear";

/// Whose tables the request means.
pub(super) fn namespace(asked: &Asked) -> &str {
    asked.namespace.as_deref().unwrap_or(TableName::DEFAULT_NAMESPACE)
}

/// A table's name in the namespace of the request.
pub(super) fn name_from_wire(asked: &Asked, name: &str) -> Result<TableName, Failure> {
    TableName::new(namespace(asked), name).ok_or_else(|| {
        let what = "a table's name and its namespace are 1 to 128 of letters, digits, `_`, `.`, `-`";
        Failure::new(code::MALFORMED, what)
    })
}

/// What a table is to be; what is left empty is as the preset has it, or chosen:
/// hashed, kv, RocksDB, the node's log.
pub(super) fn table_from_wire(
    asked: &Asked,
    request: &CreateTableRequest,
) -> Result<(TableName, TableSpec), Failure> {
    let name = name_from_wire(asked, &request.name)?;
    let wire = request.profile.clone().unwrap_or_default();
    if !["", DISPATCHER].contains(&&wire.dispatcher[..]) {
        let what = format!("dispatcher `{}` is unknown; choose `{DISPATCHER}`", wire.dispatcher);
        return Err(Failure::new(code::PROFILE_REFUSED, what));
    }
    let preset = chosen(&request.preset, Preset::PLAIN, code::PROFILE_REFUSED)?;
    let profile = Profile {
        store: chosen(&wire.store, preset.profile.store, code::PROFILE_REFUSED)?,
        log: chosen(&wire.log, preset.profile.log, code::PROFILE_REFUSED)?,
        durability: match &wire.durability[..] {
            "" => None,
            text => Some(
                text.parse::<Durability>().map_err(|why| Failure::new(code::MALFORMED, why.to_string()))?,
            ),
        },
        binlog: chosen(&wire.binlog, preset.profile.binlog, code::PROFILE_REFUSED)?,
        replication: chosen(&wire.replication, preset.profile.replication, code::PROFILE_REFUSED)?,
    };
    let machine = Some(&request.machine[..]).filter(|machine| !machine.is_empty());
    let layout = chosen(&request.layout, Layout::Hashed, code::MALFORMED)?;
    Ok((name, TableSpec { layout, machine: machine.unwrap_or(preset.machine).to_owned(), profile }))
}

fn chosen<T: FromStr<Err: ToString>>(text: &str, default: T, code: Code) -> Result<T, Failure> {
    match text {
        "" => Ok(default),
        text => text.parse().map_err(|why: T::Err| Failure::new(code, why.to_string())),
    }
}

/// A table as it is.
pub(super) fn table_to_wire(name: &TableName, spec: &TableSpec, reaches: Durability) -> control::Table {
    let profile = control::Profile {
        store: spec.profile.store.to_string(),
        log: spec.profile.log.to_string(),
        durability: reaches.to_string(),
        dispatcher: DISPATCHER.to_owned(),
        binlog: spec.profile.binlog.to_string(),
        replication: spec.profile.replication.to_string(),
    };
    control::Table {
        namespace: name.namespace().to_owned(),
        name: name.name().to_owned(),
        layout: spec.layout.to_string(),
        machine: spec.machine.clone(),
        profile: Some(profile),
    }
}

/// A range; an absent one is everything.
pub(super) fn range_from_wire(range: Option<control::Range>) -> Result<KeyRange, Failure> {
    let range = range.unwrap_or_default();
    let end = Some(range.end).filter(|end| !end.is_empty());
    KeyRange::new(range.start, end)
        .ok_or_else(|| Failure::new(code::RANGE_INVALID, "the range's end is not behind its start"))
}

/// A range.
pub(super) fn range_to_wire(range: &KeyRange) -> control::Range {
    let start = Bytes::copy_from_slice(range.start());
    control::Range { start, end: range.end().map(Bytes::copy_from_slice).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::{LogChoice, StoreChoice};

    #[test]
    fn what_is_left_empty_is_chosen_and_what_is_wrong_is_named() {
        let asked = Asked::default();
        let request = |change: fn(&mut CreateTableRequest)| {
            let mut request = CreateTableRequest { name: "t".to_owned(), ..CreateTableRequest::default() };
            change(&mut request);
            table_from_wire(&asked, &request)
        };
        let (name, spec) = request(|_| ()).expect("all chosen");
        assert_eq!((name.to_string(), spec.layout), ("t".to_owned(), Layout::Hashed));
        assert_eq!((&spec.machine[..], spec.profile), ("kv", Profile::DURABLE));
        let (_, spec) = request(|r| {
            r.preset = "counter".into();
            profile(r).log = "local(every)".into();
        })
        .expect("a preset, and one choice");
        let expected = (StoreChoice::Memory, LogChoice::LocalEvery, "counter");
        assert_eq!((spec.profile.store, spec.profile.log, &spec.machine[..]), expected);
        type Change = fn(&mut CreateTableRequest);
        fn profile(request: &mut CreateTableRequest) -> &mut control::Profile {
            request.profile.get_or_insert_default()
        }
        let table: [(Change, Code, &str); 9] = [
            (|r| r.name = "a b".into(), code::MALFORMED, "name"),
            (|r| r.layout = "round".into(), code::MALFORMED, "round"),
            (|r| profile(r).store = "tape".into(), code::PROFILE_REFUSED, "tape"),
            (|r| profile(r).log = "stone".into(), code::PROFILE_REFUSED, "stone"),
            (|r| r.preset = "slow".into(), code::PROFILE_REFUSED, "slow"),
            (|r| profile(r).durability = "eternal".into(), code::MALFORMED, "eternal"),
            (|r| profile(r).binlog = "loud".into(), code::PROFILE_REFUSED, "loud"),
            (|r| profile(r).replication = "raft(2)".into(), code::PROFILE_REFUSED, "raft(2)"),
            (|r| profile(r).dispatcher = "random".into(), code::PROFILE_REFUSED, "random"),
        ];
        for (change, code, word) in table {
            let failure = request(change).expect_err(word);
            assert!(failure.is(code) && failure.message.contains(word), "{failure}");
        }
    }

    #[test]
    fn ranges_round_trip_and_inverted_ones_are_refused() {
        for range in [KeyRange::all(), KeyRange::new("a", Some("b".into())).expect("a range")] {
            assert_eq!(range_from_wire(Some(range_to_wire(&range))), Ok(range));
        }
        assert_eq!(range_from_wire(None), Ok(KeyRange::all()));
        for (start, end) in [("b", "a"), ("a", "a")] {
            let range = control::Range { start: start.into(), end: end.into() };
            assert!(range_from_wire(Some(range)).expect_err("refused").is(code::RANGE_INVALID));
        }
    }
}
