//! Values that are sound alone and make no sense together.

use super::load::Loaded;
use super::origin::Origin;
use super::problem::Problem;
use super::settings::{Config, Listen};
use model::limits::RECORD_ROOM_BYTES;
use std::net::SocketAddr;

/// Whether the first may stand beside the second.
struct Pair {
    first: &'static str,
    second: &'static str,
    agree: fn(&Config) -> bool,
    /// What is wrong otherwise, in the first's name.
    wrong: &'static str,
    hint: &'static str,
}

const PAIRS: &[Pair] = &[
    Pair {
        first: "limits.record-payload-bytes-max",
        second: "limits.log-record-bytes-max",
        agree: |Config { limits, .. }| {
            limits.record_payload_bytes_max + RECORD_ROOM_BYTES <= limits.log_record_bytes_max
        },
        wrong: "leaves no room in",
        hint: "a record is its payload and a header: make the first smaller, or the second larger",
    },
    Pair {
        first: "limits.log-bytes-max",
        second: "limits.log-segment-bytes",
        agree: |Config { limits, .. }| limits.log_bytes_max >= limits.log_segment_bytes,
        wrong: "is less than",
        hint: "a log has one segment at least: make the first larger, or the second smaller",
    },
];

/// Listeners that cannot be bound beside each other.
fn listeners(listen: &Listen) -> [(&'static str, SocketAddr); 4] {
    [
        ("listen.data", listen.data),
        ("listen.control", listen.control),
        ("listen.peer", listen.peer),
        ("listen.metrics", listen.metrics),
    ]
}

/// Every disagreement between two values that were both accepted.
pub fn check(loaded: &Loaded, refused: &[&str]) -> Vec<Problem> {
    let config = loaded.config();
    let sound = |first, second| !refused.contains(&first) && !refused.contains(&second);
    let mut found = Vec::new();
    for pair in PAIRS.iter().filter(|pair| sound(pair.first, pair.second)) {
        if !(pair.agree)(config) {
            found.push(problem(loaded, pair.first, pair.second, pair.wrong, pair.hint));
        }
    }
    let listeners = listeners(&config.listen);
    for (at, (second, its)) in listeners.iter().enumerate() {
        for (first, other) in listeners[..at].iter().filter(|(first, _)| sound(first, second)) {
            if collide(*its, *other) {
                let hint = "give each listener a port of its own";
                found.push(problem(loaded, second, first, "takes the place of", hint));
            }
        }
    }
    found
}

/// An address that stands for all of them holds its port on each.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same
}

/// It stands where somebody gave a value: a default is nobody's mistake.
fn problem(loaded: &Loaded, first: &str, second: &str, wrong: &str, hint: &str) -> Problem {
    let given = [first, second].map(|path| loaded.origin(path)).into_iter().find(|o| **o != Origin::Default);
    let place = given.unwrap_or(&Origin::Default);
    let shown = |path| {
        let value = loaded.value(path).map(|value| value.to_string()).unwrap_or_default();
        let elsewhere = Some(loaded.origin(path)).filter(|origin| *origin != place);
        let origin = elsewhere.map(|origin| format!(" ({origin})")).unwrap_or_default();
        format!("`{path}` = {value}{origin}")
    };
    Problem::new(place.clone(), format!("{} {wrong} {}", shown(first), shown(second)), hint)
}
