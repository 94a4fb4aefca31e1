//! Planted bugs: known mistakes that only the simulation can switch on, so that
//! the checkers prove they would have found them.
//!
//! A plant is asked for where the mistake would be made. In production the set
//! is empty and cannot be anything else: [`Plants::of`] is the only way to fill
//! it, and only `testkit` calls it (`xtask tidy` holds that).

use std::fmt;

macro_rules! plants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// One mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Plant { $($(#[$doc])* $variant),* }

        impl Plant {
            /// Every mistake there is.
            pub const ALL: &[Plant] = &[$(Plant::$variant),*];

            /// Is it one of the log and of stores, which crashes of a disk alone
            /// can show?
            pub fn is_of_the_disk(self) -> bool {
                self <= Plant::AppliedOutsideBatch
            }

            /// Is it one of replication, which replicas without users can show?
            pub fn is_of_replicas(self) -> bool {
                self >= Plant::VoteNotPersisted && self <= Plant::StaleWish
            }

            /// Is it one of whole nodes that are a cluster?
            pub fn is_of_clusters(self) -> bool {
                self > Plant::StaleWish
            }

            /// Its name on a command line.
            pub fn name(self) -> &'static str {
                match self { $(Plant::$variant => $name),* }
            }
        }
    };
}

plants! {
    /// An append is acknowledged before its batch is synced.
    AckBeforeSync = "ack-before-sync",
    /// A failed sync is tried again, and believed.
    SyncRetried = "sync-retried-after-eio",
    /// Recovery syncs what it found instead of writing it anew.
    RecoverySyncs = "recovery-syncs-instead-of-rewriting",
    /// Recovery cuts the log at the first bad checksum, whatever follows.
    TruncateAtFirstBad = "truncate-at-first-bad-checksum",
    /// A readable record inside a torn batch is taken as proof of corruption.
    RecordInTornBatch = "record-in-torn-batch-is-corruption",
    /// A new segment is used before its directory is synced.
    DirectoryNotSynced = "directory-not-synced",
    /// A segment is unlinked before the mark that allows it is durable.
    PurgeBeforeMark = "purge-before-mark",
    /// A footer's list of partitions is believed without its checksum.
    FooterUnchecked = "footer-trusted-without-checksum",
    /// The applied index is written after the batch, not in it.
    AppliedOutsideBatch = "applied-index-outside-batch",
    /// An answer leaves before the log has what it is about.
    ReplyBeforeCommit = "reply-before-commit",
    /// After a restart rows are served that lack what the log holds last.
    StaleAfterRestart = "stale-read-after-restart",
    /// Answers name indexes with holes between them.
    IndexNotDense = "index-not-dense",
    /// Now and then nobody is told of what was done.
    ParkedReplyLost = "parked-reply-lost",
    /// A request over several partitions, of which one refuses its part, is
    /// answered as if none had done anything.
    BatchTorn = "batch-torn-across-partitions",
    /// Which owner a sender believes in is not asked.
    EpochUnchecked = "epoch-unchecked-at-release",
    /// What is sent again under its op-id is done again.
    RetryAppliedTwice = "retry-applied-twice",
    /// What lasts for a while is judged by a clock of the process's own.
    TtlByWallClock = "ttl-by-wall-clock",
    /// Now and then nobody is told what happened.
    WatchGap = "watch-gap",
    /// A table is made without writing down that there is one.
    TableLost = "table-lost-on-restart",
    /// What a read has to have seen is not asked.
    TokenIgnored = "token-ignored",
    /// A replica says yes to a candidate before its disk knows.
    VoteNotPersisted = "vote-not-persisted",
    /// A replica says that it has entries before its disk does.
    AppendAckedEarly = "append-acknowledged-before-sync",
    /// A leader takes entries that it has sent for entries that others have.
    QuorumCountedWrong = "quorum-counted-wrong",
    /// What others have is applied before this node's disk has it.
    ApplyAheadOfLog = "apply-ahead-of-log",
    /// A leader that restarts goes on as one.
    LeaderRestored = "leader-goes-on-after-restart",
    /// A read is answered by a round that began before it.
    ReadIndexStale = "stale-read-index-round",
    /// A replica whose disk was lost comes back as the same one.
    ReplicaIdReused = "replica-id-reused",
    /// A promise to a candidate goes to the log behind what is written after it.
    VoteAfterLog = "vote-and-log-reordered",
    /// A leader follows a wish about its group that was followed by a later one.
    StaleWish = "earlier-wish-followed",
    /// A change of a cluster that came second is taken for made.
    SecondChangeMade = "second-change-taken-for-made",
}

impl fmt::Display for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The mistakes switched on; none, in production.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plants(u64);

impl Plants {
    /// No mistakes.
    pub const NONE: Plants = Plants(0);

    /// One mistake. For the simulation alone.
    pub fn of(plant: Plant) -> Plants {
        Plants(1 << plant as u64)
    }

    /// Is this one on?
    #[inline]
    pub fn has(self, plant: Plant) -> bool {
        self.0 & (1 << plant as u64) != 0
    }
}
