//! Exit codes: what a script learns without reading.

use model::{Code, code};

/// For the help of the command line.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  not found, or a condition does not hold
  2  the command line or the request makes no sense
  3  not available: nobody there, no answer, no room
  4  in conflict with what is there
  5  not allowed";

pub(crate) const OK: u8 = 0;
pub(crate) const NO: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const UNAVAILABLE: u8 = 3;
pub(crate) const CONFLICT: u8 = 4;
const AUTH: u8 = 5;

/// Of every code that a server or the client answers with.
const TABLE: &[(Code, u8)] = &[
    (code::MALFORMED, USAGE),
    (code::KEY_INVALID, USAGE),
    (code::BATCH_TOO_LARGE, USAGE),
    (code::ANSWER_TOO_LARGE, USAGE),
    (code::UNIMPLEMENTED, USAGE),
    (code::NO_TABLE, NO),
    (code::NO_PARTITION, NO),
    (code::BAD_NODE, UNAVAILABLE),
    (code::NO_LEADER, UNAVAILABLE),
    (code::TOO_FEW_NODES, UNAVAILABLE),
    (code::NO_CLUSTER, USAGE),
    (code::NOT_JOINED, USAGE),
    (code::OWN_TABLE, AUTH),
    (code::CATALOG_AWAY, UNAVAILABLE),
    (code::EPOCH_MISMATCH, NO),
    (code::DURABILITY_NOT_OFFERED, NO),
    (code::TABLE_EXISTS, CONFLICT),
    (code::ID_IN_USE, CONFLICT),
    (code::RANGE_OVERLAPS, CONFLICT),
    (code::RANGE_INVALID, USAGE),
    (code::PROFILE_REFUSED, USAGE),
    (code::NOT_QUARANTINED, NO),
    (code::TABLE_NOT_EMPTY, CONFLICT),
    (code::NO_MACHINE, UNAVAILABLE),
    (code::TOKEN_ELSEWHERE, USAGE),
    (code::TOKEN_FOREIGN, CONFLICT),
    (code::NOT_DROPPED, NO),
    (code::DROP_INCOMPLETE, CONFLICT),
    (code::DROP_KEPT, CONFLICT),
    (code::NOT_ALTERABLE, USAGE),
    (code::OVERLOADED, UNAVAILABLE),
    (code::DEADLINE_EXCEEDED, UNAVAILABLE),
    (code::UNKNOWN_OUTCOME, UNAVAILABLE),
    (code::OP_SETTLED, CONFLICT),
    (code::CLIENT_FORGOTTEN, CONFLICT),
    (code::CLIENT_AHEAD, CONFLICT),
    (code::OP_GIVEN_UP, CONFLICT),
    (code::CONDITION_FAILED, NO),
    (code::NOT_TOGETHER, USAGE),
    (code::OTHER_MACHINE, USAGE),
    (code::TOKEN_LOST, CONFLICT),
    (code::COUNTER_LIMIT, NO),
    (code::COUNTER_OVERFLOW, CONFLICT),
    (code::NO_RESERVATION, NO),
    (code::RESERVATION_TAKEN, CONFLICT),
    (code::TOO_MANY_RESERVATIONS, CONFLICT),
    (code::LEASE_TAKEN, CONFLICT),
    (code::LEASE_LOST, CONFLICT),
    (code::COMPACTED, CONFLICT),
    (code::FROM_FUTURE, CONFLICT),
    (code::NO_EVENTS, USAGE),
    (code::DESIRED_UNSURE, UNAVAILABLE),
    (code::STOPPING, UNAVAILABLE),
    (code::PARTITION_FAILED, UNAVAILABLE),
    (code::NOT_ALLOWED, AUTH),
    (code::UNREACHABLE, UNAVAILABLE),
    (code::NOT_SENT, UNAVAILABLE),
    (code::OUT_OF_ORDER, UNAVAILABLE),
    (code::NOT_SORTED, USAGE),
    (code::IMPORT_MALFORMED, USAGE),
    (code::INTERNAL, UNAVAILABLE),
    (code::RECORD_TOO_LONG, USAGE),
    (code::PARTITION_UNKNOWN, NO),
    (code::PARTITION_EXISTS, CONFLICT),
];

/// Of a code's number. What is not listed is the server's own trouble.
pub(crate) fn of(number: u16) -> u8 {
    let row = TABLE.iter().find(|(code, _)| code.number == number);
    row.map_or(UNAVAILABLE, |(_, exit)| *exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_wire_has_been_thought_about() {
        for code in code::ALL.iter().filter(|code| code.number >= 2000) {
            assert_eq!(TABLE.iter().filter(|(known, _)| known == code).count(), 1, "{code}");
        }
        assert_eq!(of(code::STORE_IO.number), UNAVAILABLE);
    }
}
