//! The link between two nodes.
//!
//! It is: frames of bytes from one node to another, in lanes that do not wait for
//! each other; who is at the other end, checked before anything is believed; a
//! deadline on everything, and a way back after each break.
//! It is not: aware of what a frame says. Nothing is sent again and nothing is
//! answered: a frame that was on its way when a connection broke is lost, and
//! whoever sent it is told that the way was.
//!
//! ```text
//! node 1                                                     node 2
//! Links::send ─► queue (lane) ─► dial: connect, hello ─► listen: gate ─► Hears::frame
//!              ◄─ Hears::up, down                                  (a connection for each lane)
//! ```
//!
//! Each node dials for what it says itself, so two nodes that both live find each
//! other again whichever of them was away.

mod dial;
mod frame;
mod gate;
mod hello;
mod lane;
mod links;
mod listen;
mod patience;
mod queue;

pub use frame::FRAME_BYTES_MAX;
pub use gate::Gate;
pub use hello::{Hello, Refusal};
pub use lane::Lane;
pub use links::{Hears, Links};
pub use listen::attend;
pub use patience::Patience;

use model::{ClusterId, DiskId, NodeId};

/// Who a node is: its place in a cluster, the disk that it runs on, and which of
/// the starts on that disk this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The disk in it.
    pub disk: DiskId,
    /// Counts its starts on that disk.
    pub boot: u64,
}
