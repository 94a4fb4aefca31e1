//! The data directory: everything that a node keeps, under one name.
//!
//! ```text
//! D/FORMAT        what the directory is: version, store count; written once
//! D/IDENTITY      whose it is: cluster, node, disk, boot counter
//! D/BOOTS         where partitions stood at the last starts
//! D/LOCK          held by the process that has it open
//! D/log/  D/store/  D/checkpoints/  D/quarantine/
//! ```
//!
//! Opening it proves, in this order: nobody else has it; this build can read
//! it; it belongs to this cluster and this node; all its parts are there. Then
//! the boot counter goes up, durably, before anybody learns the number: peers
//! refuse a lower one, so a rolled-back or copied disk cannot come back.
//!
//! FORMAT is the last thing that set-up writes. Without it, what lies there is
//! either the rest of an interrupted set-up (which is done again) or somebody
//! else's (which is refused). The bytes are in `docs/formats/data-directory.md`.

mod boots;
mod error;
mod format;
mod ground;
mod identity;
mod inspect;
mod open;
pub(crate) mod sealed;
mod set_up;

pub use boots::Boots;
pub use error::DataDirError;
pub use format::Format;
pub use identity::Identity;
pub use inspect::{Finding, Inspection, PartFinding};
pub use open::{DataDir, Expect};
pub use sealed::Flaw;

/// What the directory is.
const FORMAT: &str = "FORMAT";
/// Whose the directory is.
const IDENTITY: &str = "IDENTITY";
/// Where partitions stood when the last boots began.
const BOOTS: &str = "BOOTS";
/// Who has the directory open.
const LOCK: &str = "LOCK";
/// The node's log.
const LOG: &str = "log";
/// The store instances.
const STORE: &str = "store";
/// Local checkpoints of memory stores.
const CHECKPOINTS: &str = "checkpoints";
/// What nobody claims and nobody may delete.
const QUARANTINE: &str = "quarantine";

/// The directories inside; set-up makes them all.
const PARTS: [&str; 4] = [LOG, STORE, CHECKPOINTS, QUARANTINE];
