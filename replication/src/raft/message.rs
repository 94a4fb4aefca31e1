//! What replicas of a group say to each other.

use super::kind::{Ballot, Entry, LogId};
use model::{NodeId, PartitionId, ReplicaId};

/// A message, and between whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The node at the other end: where it goes, or where it came from.
    pub node: NodeId,
    /// Whose group.
    pub partition: PartitionId,
    /// The replica that says it.
    pub from: ReplicaId,
    /// The replica that is meant.
    pub to: ReplicaId,
    /// What is said.
    pub message: Message,
}

/// What is said.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Asked, and answered under the same number.
    Ask(u64, Ask),
    /// The answer.
    Answer(u64, Answer),
    /// One of a stream of appends: the stream, its number in it.
    Append(u64, u64, Append),
    /// What came of it.
    Appended(u64, u64, Appended),
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// May I lead?
    Vote(Candidacy),
    /// Could I?
    PreVote(Candidacy),
    /// I lead still: an append without entries.
    Beat(Append),
    /// One of you is to lead in my place, once it has this.
    Lead {
        /// Of the leader.
        ballot: Ballot,
        /// Who.
        heir: ReplicaId,
        /// Its last entry.
        last: Option<LogId>,
    },
    /// What I have begins behind this entry: reach it, by an export if need be.
    Reach {
        /// Of the leader.
        ballot: Ballot,
        /// The entry.
        upto: LogId,
    },
}

/// Who wants to lead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidacy {
    /// Its term and name.
    pub ballot: Ballot,
    /// Its last entry.
    pub last: Option<LogId>,
    /// The leader asked for it.
    pub transfer: bool,
}

/// Entries, and what stands before them.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// Of the leader.
    pub ballot: Ballot,
    /// The entry before the first one.
    pub before: Option<LogId>,
    /// How far history is settled.
    pub committed: Option<LogId>,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// What came of an append.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Appended {
    /// They are on disk, up to this one.
    Upto(Option<LogId>),
    /// This entry is another one here.
    Conflict(LogId),
    /// Somebody else leads.
    Higher(Ballot),
    /// The stream is not known, or broken: another one is to be begun.
    Broken,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// To a candidate.
    Vote {
        /// Whom this replica holds to.
        ballot: Ballot,
        /// Yes?
        granted: bool,
        /// Its last entry.
        last: Option<LogId>,
    },
    /// To a leader that says it leads.
    Beat(Appended),
    /// To a leader that wants to be followed: will it try?
    Lead(bool),
    /// To a leader that cannot send what is missing.
    Reach(Reached),
}

/// What came of reaching for an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reached {
    /// It is here.
    Here,
    /// It is not here yet: ask again.
    NotYet,
    /// Somebody else leads.
    Higher(Ballot),
}
