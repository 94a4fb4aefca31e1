//! Error codes: the one thing about an error that never changes.
//!
//! Each code says what happened, what is safe, and what to do next. The same
//! texts stand in `docs/errors.md`; a test holds the two together.

use std::fmt;

/// A code and what it means to whoever meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The number behind `SH`.
    pub number: u16,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What is safe: what has not been lost or changed.
    pub safe: &'static str,
    /// What to do next.
    pub next: &'static str,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SH{:04}", self.number)
    }
}

macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal, $safe:literal, $next:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: Code =
                Code { number: $number, title: $title, safe: $safe, next: $next };
        )*

        /// Every code, by number.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    DIRECTORY_IN_USE = 1001, "the data directory is in use by a living process",
        "Nothing was read or changed.",
        "Stop that process, or name another directory.";
    DIRECTORY_FOREIGN = 1002, "the directory holds files, but no FORMAT of ours",
        "Nothing was changed; the files stay as they are.",
        "Name an empty directory, or the right one. If FORMAT was deleted, restore it from a backup: its two values cannot be guessed.";
    FORMAT_UNKNOWN = 1003, "the data was written in a format that this build does not know",
        "Nothing was changed.",
        "Use the build that wrote it, or a later one; the message names the version found.";
    FORMAT_DAMAGED = 1004, "FORMAT cannot be read",
        "Nothing was changed; log and stores are untouched.",
        "Restore FORMAT from a backup of the directory. Do not delete it: a directory without it is refused.";
    IDENTITY_DAMAGED = 1005, "IDENTITY is missing or cannot be read",
        "Nothing was changed; log and stores are untouched.",
        "Restore IDENTITY from a backup of this very disk. If there is none, the node's data is rebuilt from its peers under a new identity.";
    OTHER_CLUSTER = 1006, "the directory belongs to another cluster",
        "Nothing was changed.",
        "Name the directory of this cluster, or start with that cluster's id.";
    OTHER_NODE = 1007, "the directory belongs to another node",
        "Nothing was changed.",
        "Name the directory of this node, or start with that node's id.";
    DIRECTORY_READ_ONLY = 1008, "the directory cannot be written",
        "What is on disk is as it was.",
        "Mount it writable, or give the process the right to write there.";
    DISK_FULL = 1009, "the disk is full",
        "What was acknowledged is on disk. Nothing was half written that the next start would use.",
        "Make room, then start again.";
    WRONG_FILE_TYPE = 1010, "a file stands where a directory should be, or the other way round",
        "Nothing was changed.",
        "Move it out of the way; the message names it.";
    DIRECTORY_IO = 1011, "the operating system refused an operation on the data directory",
        "What was acknowledged is on disk.",
        "See the system's message; check the disk, then start again.";
    DIRECTORY_INCOMPLETE = 1012, "a part of the data directory is missing",
        "Nothing was changed, and nothing was made in its place.",
        "Put the named directory back, or mount the disk it is on, then start again. If it is gone for good, the node's data is rebuilt from its peers in an empty directory.";
    DESIRED_DAMAGED = 1013, "DESIRED, the node's list of tables and partitions, cannot be read",
        "Nothing was changed; log and stores are untouched.",
        "Restore DESIRED from a backup of the directory. Do not delete it: what nobody lists is not served.";
    DESIRED_UNSURE = 1014, "DESIRED was replaced, and the disk does not say that the new list will stay",
        "The node goes on with the list it had; log and stores are untouched.",
        "Check the disk. The node puts its list back by itself and refuses changes until that is durable; then list what is there and ask again.";
    DIRECTORY_BARE = 1015, "the directory holds no data, and a node's was expected there",
        "Nothing was made or changed.",
        "Mount the disk that holds the node's data, or name the right directory. If the disk is lost, the node's data is rebuilt elsewhere; an empty directory must not take its place.";
    LOG_SEGMENT_MISSING = 1101, "a log segment that is still needed is missing",
        "Nothing was changed. Other segments are intact; records up to the hole can be read.",
        "Put the named file back. If it is gone for good, `statehouse doctor --dir D` lists what each partition can keep.";
    LOG_DAMAGED = 1102, "log records that had been made durable cannot be read",
        "Nothing was truncated. Partitions that are not named go on; the stores keep what they had flushed.",
        "Check the disk. Rebuild the named partitions from replicas or a snapshot, or give up their tail by name: `statehouse doctor --dir D --repair PARTITION --accept-loss-after INDEX`.";
    LOG_FORMAT_UNKNOWN = 1103, "a log segment has a format that this build does not know",
        "Nothing was changed.",
        "Use the build that wrote it, or a later one; the message names the version found.";
    LOG_FOREIGN = 1104, "a log segment belongs to another cluster or disk",
        "Nothing was changed.",
        "Remove the foreign file from the log directory, or name the right directory.";
    LOG_SYNC_FAILED = 1105, "the disk failed to write or sync the log",
        "Everything acknowledged before is on disk. Nothing of the failed batch was acknowledged; it may or may not be found at the next start.",
        "The process has ended: after a failed sync, memory and disk may differ. Check the disk, then start again.";
    LOG_FULL = 1106, "there is no room for another log segment",
        "What was acknowledged is on disk; reads and removals go on.",
        "Make room on the log's disk; writes resume by themselves.";
    RECORD_TOO_LONG = 1107, "the record is longer than the log takes",
        "Nothing was written.",
        "Send smaller items or smaller batches; the message names the limit.";
    LOG_IO = 1108, "the operating system refused an operation on the log",
        "What was acknowledged is on disk.",
        "See the system's message; check the disk, then start again.";
    REPAIR_REFUSED = 1109, "the repair asked for is not possible",
        "Nothing was changed.",
        "The message names the range of indexes that can be accepted.";
    STORE_IO = 1201, "the store failed",
        "What was acknowledged is in the log.",
        "See the store's message; check the disk, then start again.";
    STORE_DAMAGED = 1202, "the store's files are damaged",
        "The log is untouched; nothing was deleted.",
        "Check the disk. Rebuild the partition from replicas or a snapshot.";
    PARTITION_UNKNOWN = 1203, "the store does not hold that partition",
        "Nothing was changed.",
        "List the partitions of the store; the id may be that of another node.";
    PARTITION_EXISTS = 1204, "the store already holds that partition",
        "Nothing was changed.",
        "Choose another id; ids are never reused.";
    INDEX_GAP = 1205, "a record does not follow the last one applied",
        "Nothing was applied; the store is as it was.",
        "This is a defect, or a log that lost its head: keep the directory and report it.";
    EXPORT_DAMAGED = 1206, "exported files do not match their manifest",
        "Nothing was imported; the source is untouched.",
        "Export again, or fetch the files again.";
    STORE_LAYOUT = 1207, "the store on disk was made with other settings",
        "Nothing was changed.",
        "Start with the settings that FORMAT names.";
    ROW_RESERVED = 1208, "a change names a row that the store keeps for itself",
        "Nothing was applied; the store is as it was.",
        "This is a defect of the machine that made the change: report it.";
    STORE_BUSY = 1209, "the store works off what it has before it takes more",
        "Nothing is lost; what waits for it has not been acknowledged.",
        "Nothing: it is tried again by itself. If it lasts, the disk is too slow for the writes.";
    RECORD_UNREADABLE = 1301, "a record is intact, but this build cannot read its content",
        "Nothing was skipped; the store holds everything before it.",
        "Use the build that wrote it, or a later one.";
    REPLAY_GAP = 1302, "the log does not reach back to what the store has",
        "Nothing was applied; the store is as it was.",
        "Rebuild the partition from replicas or a snapshot.";
    STATE_DIVERGED = 1303, "replay does not come to the state that the log has noted",
        "The log is as it was, and nothing behind that index is applied; the partition is not served, others are.",
        "Start the build that wrote the log: one that does something else with old commands is at fault, or the store's files are. Report it with the log's segments.";
    LISTEN_FAILED = 1401, "an address cannot be listened on",
        "Nothing was read or changed.",
        "Stop whoever listens there (`ss -ltnp` names it), or choose another address; `--random-ports` takes free ones.";
    LISTEN_REFUSED = 1402, "the control plane listens on loopback only",
        "Nothing was read or changed.",
        "Give `listen.control` an address of 127.0.0.0/8 or ::1 until authorization is configured.";
    MALFORMED = 2001, "the request makes no sense",
        "Nothing was changed.",
        "The message names the field; correct it and send the request again.";
    KEY_INVALID = 2002, "a key is empty or longer than 1,024 bytes",
        "Nothing was changed.",
        "Use keys of 1 to 1,024 bytes; the message names the item.";
    BATCH_TOO_LARGE = 2003, "the request has more bytes or items than one may have",
        "Nothing of it was applied.",
        "Split it into several requests.";
    UNIMPLEMENTED = 2004, "this build does not have that method",
        "Nothing was changed.",
        "See `docs/api.md` for what works in which version.";
    ANSWER_TOO_LARGE = 2005, "the answer would be larger than one answer may be",
        "Nothing was changed.",
        "Ask for fewer rows at a time.";
    NO_TABLE = 2101, "there is no such table",
        "Nothing was changed.",
        "List the tables with `statehouse table ls`, or make it with `statehouse table create`.";
    NO_PARTITION = 2102, "no partition holds that key or bears that id",
        "Nothing was changed.",
        "List the partitions with `statehouse partition ls`; add one whose range covers the key.";
    BAD_NODE = 2103, "another node holds that key",
        "Nothing was changed.",
        "Send it to the address in the error's details; a client does so by itself.";
    EPOCH_MISMATCH = 2104, "the partition is not at the epoch that the request expects",
        "Nothing was changed.",
        "Read the partition's epoch again and decide anew.";
    DURABILITY_NOT_OFFERED = 2105, "the table's profile does not give the durability demanded",
        "Nothing was changed.",
        "Demand less, or use a table whose profile gives more.";
    TABLE_EXISTS = 2106, "there is a table of that name already",
        "Nothing was changed.",
        "Choose another name, or use the table that is there.";
    ID_IN_USE = 2107, "the partition id is or was in use",
        "Nothing was changed.",
        "Ask for another id, or for none: ids are never reused.";
    RANGE_OVERLAPS = 2108, "the range overlaps that of another partition",
        "Nothing was changed.",
        "The message names that partition; choose a range beside it.";
    RANGE_INVALID = 2109, "the range is empty or inverted",
        "Nothing was changed.",
        "Give a start below the end; an absent end means no end.";
    PROFILE_REFUSED = 2110, "the choices of the profile do not go together",
        "Nothing was changed.",
        "The message says which choice excludes which.";
    NOT_QUARANTINED = 2111, "the partition is not in quarantine",
        "Nothing was changed.",
        "Remove it first; its data stays until it is erased by name.";
    TABLE_NOT_EMPTY = 2112, "the table still has partitions",
        "Nothing was changed.",
        "Drop it together with them, or remove them first; either way their data stays for now.";
    NO_MACHINE = 2113, "this build lacks the table's machine",
        "Nothing was changed; its data stays where it is, and its records stay in the log.",
        "Start a build that has the machine: one that was made with it, or a later one.";
    NOT_DROPPED = 2114, "no dropped table of that name is kept",
        "Nothing was changed.",
        "`statehouse table ls --dropped` lists those that can be brought back.";
    DROP_INCOMPLETE = 2115, "a part of the dropped table has been erased",
        "Nothing was changed; what is left of it stays in quarantine.",
        "What was erased is gone for good. Erase the rest by name when nobody needs it.";
    DROP_KEPT = 2116, "the partition belongs to a dropped table whose time is not over",
        "Nothing was erased; `statehouse table undrop` brings the table back.",
        "`statehouse table ls --dropped` says until when; `--early` erases it before that.";
    NOT_ALTERABLE = 2117, "that choice of a table cannot be changed",
        "Nothing was changed; the table is served as before.",
        "Make a table with the other choice, write the rows there, and rename both.";
    TOKEN_ELSEWHERE = 2118, "the position token names a partition that the table does not have",
        "Nothing was read or changed.",
        "It is the token of another table, or of a partition that was removed: take tokens from answers of this table.";
    TOKEN_FOREIGN = 2119, "the position token is of a history that this node does not know",
        "Nothing was read or changed.",
        "Begin with a new token: this one is of another cluster, of another copy of the data, or of a boot long ago.";
    NO_LEADER = 2120, "nobody leads the partition at this moment",
        "Nothing was changed.",
        "Try again: replicas choose a leader within seconds, if most of them can reach each other. \
         If it stays so, look which nodes are down with `statehouse status`.";
    TOO_FEW_NODES = 2121, "the cluster has fewer nodes than the table is to have replicas",
        "Nothing was changed.",
        "Add nodes, or choose fewer replicas; `statehouse node ls` lists the nodes.";
    NO_CLUSTER = 2122, "the node belongs to no cluster that others may join",
        "Nothing was changed.",
        "Make it a cluster of one with `statehouse cluster init`, and join it again.";
    NOT_JOINED = 2123, "the node cannot belong to the cluster like that",
        "Nothing was changed, on neither side.",
        "The message says what is wrong: an address that others cannot use, one that another node has, or a \
         data directory of another cluster. A node joins with a new data directory.";
    OWN_TABLE = 2124, "the table is the cluster's own",
        "Nothing was changed.",
        "Read it as you like; choose another namespace for tables that you change.";
    CATALOG_AWAY = 2125, "the nodes that keep the list of tables and nodes cannot be asked",
        "Nothing was changed; what is served goes on being served.",
        "Try again. If it stays so, most of the nodes that keep the catalog are down: `statehouse cluster status` \
         names them.";
    OVERLOADED = 2201, "too much is under way already",
        "Nothing of the request was applied.",
        "Send it again after a pause that grows each time; a client does so by itself.";
    DEADLINE_EXCEEDED = 2202, "the deadline passed before the request entered history",
        "Nothing of it was applied.",
        "Send it again with a later deadline.";
    UNKNOWN_OUTCOME = 2203, "it is not known whether the request was applied",
        "It was applied whole or not at all.",
        "Read the rows concerned, or send the same request again under its op-id.";
    STOPPING = 2204, "the node is shutting down",
        "Nothing of the request was applied.",
        "Send it to another node, or again when this one is back.";
    PARTITION_FAILED = 2205, "the partition cannot be served",
        "Nothing was changed; its data stays where it is.",
        "`statehouse partition ls` and the node's log tell why; the hint names the cause.";
    OP_SETTLED = 2206, "the operation is over: its client has said that it needs no answer",
        "Nothing was applied now; it was applied before, or its client gave it up.",
        "Nothing, if the answer came. Never use a sequence twice, and count as answered only what is.";
    CLIENT_FORGOTTEN = 2207, "the client of the operation is forgotten",
        "Nothing was applied now; the same operation may have been applied before.",
        "Read the rows concerned. Go on under a new client id; one should not be older than half an hour.";
    CLIENT_AHEAD = 2208, "the client's id is from the future",
        "Nothing was applied.",
        "Correct the clock of the client's machine, or make an id with an earlier time.";
    OP_GIVEN_UP = 2209, "the operation was asked for before it came, and is not done",
        "Nothing was applied, now or before, and nothing will be under this op-id.",
        "Send it under a new op-id if it is still wanted.";
    CONDITION_FAILED = 2210, "a condition does not hold",
        "Nothing of the change was applied; of an atomic request, nothing at all.",
        "Read the row and decide anew: the error says which revision it has.";
    NOT_TOGETHER = 2211, "an atomic request lies in more than one partition",
        "Nothing was applied.",
        "Send the items without `atomic`, or give rows that change together keys of one partition.";
    OTHER_MACHINE = 2212, "the table has another machine",
        "Nothing was applied.",
        "`statehouse table ls` names it: rows of `kv` are written by Upsert and Remove, all others by Apply.";
    TOKEN_LOST = 2213, "what the position token stands for is not in the partition any more",
        "Nothing was read or changed now. The message says up to which index the history is the same.",
        "Read without the token, do again what is missing, and begin with a new token. Answers worth `local` are lost with the disk alone.";
    COUNTER_LIMIT = 2220, "the counter would not be within its limits",
        "Nothing was added or reserved.",
        "Free something or raise the limit; the message says how the counter stands.";
    COUNTER_OVERFLOW = 2221, "the counter's numbers are too large",
        "Nothing was added or reserved.",
        "A counter holds 64-bit numbers: add less, or count in larger units.";
    NO_RESERVATION = 2222, "there is no such reservation",
        "Nothing was added or freed: it never was, or is committed, released or expired.",
        "Reserve again, for longer, or add without reserving.";
    RESERVATION_TAKEN = 2223, "there is a reservation of that id already",
        "Nothing was reserved now.",
        "Take an id that nobody else takes: a random UUID.";
    TOO_MANY_RESERVATIONS = 2224, "the counter has as many open reservations as it may",
        "Nothing was reserved.",
        "Commit or release some, let them expire sooner, or spread them over several keys.";
    LEASE_TAKEN = 2225, "somebody else holds the lease",
        "Nothing was changed.",
        "Try again when it has expired; the message says when that is and who holds it.";
    LEASE_LOST = 2226, "the token is that of a former holder",
        "Nothing was changed: the lease expired, was given back, or is held by somebody else.",
        "Stop what was done under it, and acquire it anew.";
    COMPACTED = 2230, "the events asked for are no longer kept",
        "Nothing was lost: rows are as they are. What happened between is not told any more.",
        "Begin anew with the rows as they are (`initial_state`), or with the first index that is kept, which the error names. Keep events longer with `limits.binlog-bytes-max` and `limits.binlog-age-ms-max`.";
    FROM_FUTURE = 2231, "the position asked for is ahead of the partition",
        "Nothing was read. The history that the position is from is not this one: it was lost with a disk, restored to an earlier state, or is another table's.",
        "Begin anew with the rows as they are (`initial_state`), and look for what was acknowledged and is gone.";
    NO_EVENTS = 2232, "the table keeps no events of that kind",
        "Nothing was read.",
        "`statehouse table show` says what the table keeps (`binlog`); that is chosen when it is made.";
    NOT_ALLOWED = 2301, "the caller may not do that",
        "Nothing was changed.",
        "Control calls are taken from loopback only until authorization is configured.";
    UNREACHABLE = 2401, "the server cannot be reached",
        "Nothing of the request was applied.",
        "See that a server listens at the address; `statehouse dev` starts one on this machine.";
    NOT_SENT = 2402, "the request was not sent, because one before it failed",
        "Nothing of the request was applied.",
        "See what became of the one before it, then send this one again.";
    NOT_SORTED = 2403, "rows to load are not in order",
        "The rows before it are in the table; of it and those behind it nothing is.",
        "Sort the rows by the bytes of their keys, each key once, and load all of them again: one that was passed over lies before those that are there.";
    IMPORT_MALFORMED = 2404, "what is to be imported cannot be read",
        "The rows before it are in the table; of it and those behind it nothing is.",
        "The message names the line: correct it, or export again, then go on with `--resume-after KEY`.";
    OUT_OF_ORDER = 2405, "the server told of events what cannot come next",
        "What was told before is good; of this, nothing was passed on.",
        "Begin anew with the rows as they are, and report it together with the node's log.";
    INTERNAL = 2901, "a defect in this build",
        "What was acknowledged is safe.",
        "Report it together with the node's log.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_texts_are_sentences() {
        assert!(ALL.windows(2).all(|pair| pair[0].number < pair[1].number));
        for code in ALL {
            assert!(code.safe.ends_with('.') && code.next.ends_with('.'), "{code}");
            assert!(!code.title.ends_with('.'), "{code}");
        }
    }

    #[test]
    fn the_page_of_errors_says_the_same() {
        let page = include_str!("../../docs/errors.md");
        for code in ALL {
            let row = format!("| {code} | {} | {} | {} |", code.title, code.safe, code.next);
            assert!(page.contains(&row), "docs/errors.md lacks this row:\n{row}");
        }
    }
}
