//! The way home for answers to what another node has asked.

use super::{Way, wire};
use model::NodeId;
use partition::Outlet;
use pipeline::Answer;
use std::sync::Arc;

/// Answers for one node.
pub(super) struct Homeward {
    pub node: NodeId,
    pub way: Arc<dyn Way>,
}

impl Outlet for Homeward {
    /// What is lost on its way is taken for lost there when its time is over.
    fn deliver(&self, answers: &mut Vec<(u64, Answer)>) {
        for frame in wire::outcomes(answers.drain(..)) {
            self.way.send(self.node, frame);
        }
    }
}
