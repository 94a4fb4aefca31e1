//! Following a desired state that somebody else keeps.

use super::change::write_down;
use super::{ChangeError, Node, State};
use crate::desired::{Desired, Gone, PartitionSpec};
use crate::shard::{Message, Order};
use env::sometimes;
use model::NodeId;

impl Node {
    /// This is desired from now on, whoever says so; what is here follows. One that is
    /// older than what is desired here is passed over: an old map must not undo a new one.
    pub fn adopt(&self, next: Desired) -> Result<(), ChangeError> {
        let core = &self.core;
        let mut state = core.state();
        let state: &mut State = &mut state;
        core.make_sure(state)?;
        if next.version < state.desired.version {
            sometimes!("an older desired state was passed over");
            return Ok(());
        }
        check(&next, &state.desired, core.data_dir.node())?;
        let next = known_here(next, state);
        write_down(state, next)?;
        core.peers.know(&state.desired.nodes);
        let concerned: Vec<_> = state.desired.partitions.keys().copied().collect();
        let followed = core.follow(state, &concerned);
        for (id, spec) in &state.desired.partitions {
            let Some(placement) = spec.placement.as_ref().filter(|_| state.handles.contains_key(id)) else {
                continue;
            };
            if state.desired.is_agreed(*id) {
                let wish = Order::Want(*id, placement.wanted.clone());
                let _ = core.inbox_of(*id).send(Message::Order(wish));
            }
        }
        followed
    }
}

/// What nobody who keeps a map for many nodes would say of this one.
fn check(next: &Desired, here: &Desired, own: NodeId) -> Result<(), ChangeError> {
    let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    if let Some((node, _)) = next.nodes.iter().find(|(_, node)| !is_word(&node.peers) || !is_word(&node.data))
    {
        return Err(ChangeError::Unable(format!("node {node} has an address that is none")));
    }
    for (id, spec) in &next.partitions {
        if spec.placement.is_none() && !next.nodes.is_empty() {
            return Err(ChangeError::Unable(format!("nobody says on which node partition {id} is")));
        }
        let on = |spec: &PartitionSpec| spec.placement.as_ref()?.on(own);
        let before = here.partitions.get(id).filter(|here| here.born).and_then(on);
        if before.is_some() && on(spec).is_some() && before != on(spec) {
            let what = "has another replica of it here, which has to be gone before there is a new one";
            return Err(ChangeError::Unable(format!("partition {id}: node {own} {what}")));
        }
    }
    Ok(())
}

/// With what this node alone knows: whose stores it has made.
fn known_here(mut next: Desired, state: &State) -> Desired {
    for (id, spec) in &mut next.partitions {
        let was = match state.desired.gone.get(id) {
            Some(Gone::Quarantined { was, .. }) => was.born,
            Some(Gone::Erased) | None => false,
        };
        let is = state.desired.partitions.get(id).is_some_and(|here| here.born);
        spec.born = is || was || state.held.contains_key(id);
    }
    next
}
