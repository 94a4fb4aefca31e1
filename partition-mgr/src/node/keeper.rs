//! Keeping up with what the cluster desires, and keeping the cluster up: a thread that
//! reads the catalog, tells others how far this node is, and makes the changes that
//! nobody has to ask for.

use super::complaints::Complaints;
use super::{ChangeError, Core, State, join};
use crate::calls::{Tidings, Word};
use coordinator::{Desired, NodeSpec, Unreadable, encode, first};
use env::{Env, Joiner, Mono};
use model::{Code, NodeId, PartitionId, code};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// It looks at least so often.
const LOOK_MS: u64 = 500;
/// Changes that nobody waits for are tried for so long.
const CHANGE_MS: u64 = 2_000;
/// Somebody who is further is asked again after so long.
const ASK_MS: u64 = 200;
/// A node that has not been heard of for so long is taken to be away.
const AWAY_MS: u64 = 3_500;
/// The others hear of this node at least so often.
const TELL_MS: u64 = 1_000;

/// The thread. Dropping it ends it.
pub struct Keeper {
    core: Arc<Core>,
    thread: Option<Box<dyn Joiner>>,
}

impl Keeper {
    pub fn start(env: &Env, core: Arc<Core>) -> io::Result<Keeper> {
        let kept = core.clone();
        let run = move || {
            let mut round = Round::default();
            while !kept.ends.load(Ordering::Acquire) {
                kept.keep(&mut round);
                kept.peers.neighbours().wait(LOOK_MS);
            }
        };
        // Without it the node would go by what was desired long ago.
        let thread = env.vital_thread("keeper", code::INTERNAL, run)?;
        Ok(Keeper { core, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.core.ends.store(true, Ordering::Release);
        self.core.peers.neighbours().ring();
        self.thread.take().into_iter().for_each(join);
    }
}

/// What it remembers from one look to the next.
#[derive(Default)]
struct Round {
    complaints: Complaints,
    told: Option<(Tidings, Mono)>,
    asked: Option<Mono>,
    turn: usize,
    /// The catalog has been put down.
    is_begun: bool,
}

impl Core {
    /// Has another node said that it is further?
    fn is_behind(&self) -> bool {
        let version = self.state().desired.version;
        self.peers.neighbours().tidings().values().any(|(tidings, _)| tidings.version > version)
    }

    fn keep(&self, round: &mut Round) {
        if self.state().desired.catalog_partition().is_none() {
            return;
        }
        let now = self.env.clock.mono();
        let kept_up = self.keep_up();
        if self.is_behind() && round.asked.is_none_or(|asked| now >= asked.plus_ms(ASK_MS)) {
            self.ask_for_map(round.turn);
            (round.asked, round.turn) = (Some(now), round.turn + 1);
        }
        round.complaints.hear(now, "what the cluster desires cannot be followed", kept_up.map_err(told));
        self.tell_map();
        self.tell_tidings(round);
        let stewarded = self.steward(round);
        round.complaints.hear(now, "the cluster's catalog cannot be changed", stewarded.map_err(told));
    }

    /// Goes by what is latest, of what the replica here and the others say. What is amiss
    /// with the one keeps nobody from the other.
    pub(super) fn keep_up(&self) -> Result<(), ChangeError> {
        let applied = self.catalog_applied();
        let mut followed = Ok(());
        if applied.is_some() && applied != *self.catalog_seen.hold() {
            let read = self.read_catalog().map_err(ChangeError::Catalog);
            followed = read.and_then(|read| read.map_or(Ok(()), |next| self.go_by(next)));
            // What could not be followed is read again.
            if followed.is_ok() {
                *self.catalog_seen.hold() = applied;
            }
        }
        let told = match self.peers.neighbours().take_map() {
            None => Ok(()),
            Some(Ok(next)) => self.go_by(next),
            Some(Err(from)) => {
                let unreadable = Unreadable(format!("as node {from} tells it"));
                Err(ChangeError::Catalog(unreadable.into()))
            }
        };
        followed.and(told)
    }

    /// Asks somebody who is further than this node; where nobody is known to be, somebody
    /// who keeps the catalog.
    pub(super) fn ask_for_map(&self, turn: usize) {
        let (version, own) = (self.state().desired.version, self.data_dir.node());
        let tidings = self.peers.neighbours().tidings();
        let mut nodes: Vec<NodeId> = tidings
            .iter()
            .filter(|(_, (tidings, _))| tidings.version > version)
            .map(|(node, _)| *node)
            .collect();
        if nodes.is_empty() {
            nodes = self.keepers().into_iter().filter(|node| *node != own).collect();
        }
        if let Some(node) = nodes.get(turn % nodes.len().max(1)) {
            self.peers.tell(*node, Word::Wanted { beyond: version });
        }
    }

    /// What cannot follow is listed, and tried again: nobody's change fails for it.
    fn go_by(&self, next: Desired) -> Result<(), ChangeError> {
        if next.version <= self.state().desired.version {
            return Ok(());
        }
        match self.adopt(next) {
            Ok(()) | Err(ChangeError::Undone(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whoever wants to know what is desired is told.
    fn tell_map(&self) {
        let wanted = self.peers.neighbours().take_wanted();
        if wanted.is_empty() {
            return;
        }
        let desired = self.state().desired.clone().shared();
        let text = bytes::Bytes::from(encode(&desired));
        for (node, _) in wanted.into_iter().filter(|(_, beyond)| *beyond < desired.version) {
            self.peers.tell(node, Word::Map(text.clone()));
        }
    }

    /// The others hear how far this one is: at once where that is news.
    fn tell_tidings(&self, round: &mut Round) {
        let (tidings, nodes) = {
            let state = self.state();
            (state.tidings(), state.desired.nodes.keys().copied().collect::<Vec<NodeId>>())
        };
        let now = self.env.clock.mono();
        if round.told.is_some_and(|(told, at)| told == tidings && now < at.plus_ms(TELL_MS)) {
            return;
        }
        let (own, address) = (self.data_dir.node(), self.address.hold().clone());
        let peers = address.map(|(peers, _)| peers).unwrap_or_default();
        for node in nodes.into_iter().filter(|node| *node != own) {
            self.peers.tell(node, Word::Tidings(tidings, peers.clone()));
        }
        round.told = Some((tidings, now));
    }

    /// Changes that somebody has to make and nobody asks for.
    fn steward(&self, round: &mut Round) -> Result<(), ChangeError> {
        let until = self.env.clock.mono().plus_ms(CHANGE_MS);
        let leads = self.leads_catalog();
        if leads && !round.is_begun {
            self.begin_catalog(until)?;
            round.is_begun = true;
        }
        let (own, settled, led, there) =
            (self.data_dir.node(), self.reports.settled(), self.led(), self.there());
        let voters = self.catalog_voters();
        let address = self.address.hold().clone();
        let mut change = |desired: &mut Desired, _: &_| {
            if leads {
                desired.staff_catalog(&there, &voters);
            }
            for (id, members) in led.iter().filter_map(|id| Some((id, settled.get(id)?))) {
                let everybody = members.everybody().into_keys().collect();
                desired.settle(*id, members.generation(), &everybody);
            }
            let spec = desired.nodes.get(&own).cloned();
            if let Some(((peers, data), spec)) = address.clone().zip(spec) {
                // One that others cannot use stays what it was: a start says so.
                let _ = desired.moved(own, NodeSpec { peers, data, ..spec });
            }
            Ok(Vec::new())
        };
        self.make_change(&mut change, false, until).map(drop)
    }

    /// Partitions that are led here.
    fn led(&self) -> Vec<PartitionId> {
        let state = self.state();
        let led = state.handles.iter().filter(|(_, handle)| handle.leads().is_ok());
        led.map(|(id, _)| *id).collect()
    }

    /// Nodes that are there, as far as is known here: this one, and who has spoken of late.
    pub(super) fn there(&self) -> BTreeSet<NodeId> {
        let tidings = self.peers.neighbours().tidings();
        let heard = tidings.iter().filter(|(_, (_, ago_ms))| *ago_ms < AWAY_MS).map(|(node, _)| *node);
        heard.chain([self.data_dir.node()]).collect()
    }

    /// What a node that is the first of its cluster goes by is what is put down first.
    fn begin_catalog(&self, until: Mono) -> Result<(), ChangeError> {
        if self.read_catalog().map_err(ChangeError::Catalog)?.is_some() {
            return Ok(());
        }
        let desired = self.state().desired.clone().shared();
        self.ask_catalog(self.new_op(), &first(&desired), until).map(drop).map_err(ChangeError::Catalog)
    }
}

impl State {
    /// How far this node is.
    pub(super) fn tidings(&self) -> Tidings {
        let leads = self.handles.values().filter(|handle| handle.leads().is_ok()).count() as u64;
        Tidings { version: self.desired.version, leads, undone: self.undone.len() as u64 }
    }
}

fn told(error: ChangeError) -> (Code, String) {
    (error.code(), error.to_string())
}
