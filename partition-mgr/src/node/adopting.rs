//! Following a desired state that somebody else keeps.

use super::change::write_down;
use super::{ChangeError, Core, Node, State};
use crate::shard::{Message, Order};
use coordinator::{Desired, Gone, PartitionSpec};
use env::sometimes;
use model::{NodeId, PartitionId};
use pipeline::LogChoice;

impl Node {
    /// This is desired from now on, whoever says so; what is here follows. One that is
    /// older than what is desired here is passed over: an old map must not undo a new one.
    pub fn adopt(&self, next: Desired) -> Result<(), ChangeError> {
        self.core.adopt(next)
    }
}

impl Core {
    pub(super) fn adopt(&self, next: Desired) -> Result<(), ChangeError> {
        let mut state = self.state();
        let state: &mut State = &mut state;
        self.make_sure(state)?;
        if next.version < state.desired.version {
            sometimes!("an older desired state was passed over");
            return Ok(());
        }
        check(&next, &state.desired, self.data_dir.node())?;
        let next = known_here(next, state);
        write_down(state, next)?;
        self.open_what_is_wanted(state);
        self.peers.know(&state.desired.nodes);
        let concerned: Vec<_> = state.desired.partitions.keys().copied().collect();
        let followed = self.follow(state, &concerned);
        for (id, spec) in &state.desired.partitions {
            let Some(placement) = spec.placement.as_ref().filter(|_| state.handles.contains_key(id)) else {
                continue;
            };
            if state.desired.is_agreed(*id) {
                let wish = Order::Want(*id, placement.wanted.clone());
                let _ = self.inbox_of(*id).send(Message::Order(wish));
            }
        }
        followed
    }
}

impl Core {
    /// Stores that a table may be the first to want. One that does not open is what its
    /// partitions lack, and says so.
    fn open_what_is_wanted(&self, state: &State) {
        let desired = &state.desired;
        let mut here = desired.partitions.values().filter(|spec| spec.is_on(self.data_dir.node()));
        let is_journaled = |spec: &PartitionSpec| {
            desired.tables.get(&spec.table).is_some_and(|table| table.profile.log == LogChoice::Store)
        };
        if here.any(is_journaled)
            && let Err(error) = self.stores.open_journaled()
        {
            tracing::error!(code = %error.code(), %error, "a store that a table wants does not open");
        }
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
    let is_born = |id: &PartitionId| {
        let was = match state.desired.gone.get(id) {
            Some(Gone::Quarantined { was, .. }) => was.born,
            Some(Gone::Erased) | None => false,
        };
        let is = state.desired.partitions.get(id).is_some_and(|here| here.born);
        is || was || state.held.contains_key(id)
    };
    for (id, spec) in &mut next.partitions {
        spec.born = is_born(id);
    }
    for (id, gone) in &mut next.gone {
        if let Gone::Quarantined { was, .. } = gone {
            was.born = is_born(id);
        }
    }
    next
}
