//! What happens to rows, as it happens: watches of a table's keys, tails of a
//! partition, and views, which are kept up by a watch.
//!
//! ```text
//! Watching ─► Watch ─► rows, events, marks ─► whoever asks for the next
//!               │          └► Positions: to go on, here or in another process
//!               └────────────► View: a map that is kept up
//! ```
//!
//! **Once, and without gaps.** A call that breaks off is made again behind the
//! positions that were told, so a break shows nothing twice and leaves nothing
//! out. What a node says against that is an error (`SH2405`), and not passed on.

mod event;
mod patience;
mod positions;
mod tail;
mod view;
mod watch;
mod watching;

pub use event::{Before, Event, Events, KeyedRow, State};
pub use positions::Positions;
pub use tail::{Tail, Tailing};
pub use view::{Shown, View};
pub use watch::{Watch, Watched};
pub use watching::Watching;
