//! What other nodes have said: how far they are, whether they want to know what is
//! desired, and what is.

use crate::calls::{Tidings, Word};
use bytes::Bytes;
use coordinator::{Desired, decode};
use env::{Clock, Env, Mono, Receiver, Sender};
use model::NodeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was heard of other nodes, and a bell that is rung with it.
pub(crate) struct Neighbours {
    clock: Arc<dyn Clock>,
    heard: Mutex<Heard>,
    bell: Sender<()>,
    rung: Receiver<()>,
}

#[derive(Default)]
struct Heard {
    tidings: BTreeMap<NodeId, (Tidings, Mono)>,
    /// Who wants what is later than this.
    wanted: BTreeMap<NodeId, u64>,
    /// What was told last, until somebody takes it: not read yet, which takes a while.
    map: Option<(NodeId, Bytes)>,
}

impl Neighbours {
    /// Nobody has said anything.
    pub fn new(env: &Env) -> Neighbours {
        let (bell, rung) = env.channel(1);
        Neighbours { clock: env.clock.clone(), heard: Mutex::default(), bell, rung }
    }

    /// A node says something.
    pub fn hear(&self, from: NodeId, word: Word) {
        let now = self.clock.mono();
        let is_news = match word {
            Word::Tidings(tidings, _) => {
                let before = self.heard().tidings.insert(from, (tidings, now));
                before.is_none_or(|(before, _)| before != tidings)
            }
            Word::Wanted { beyond } => {
                self.heard().wanted.insert(from, beyond);
                true
            }
            Word::Map(text) => {
                self.heard().map = Some((from, text));
                true
            }
        };
        if is_news {
            self.ring();
        }
    }

    /// There is something to do.
    pub fn ring(&self) {
        // A token that lies there says it, too.
        let _ = self.bell.try_send(());
    }

    /// Waits until the bell is rung, or for so long.
    pub fn wait(&self, ms: u64) {
        let until = self.clock.mono().plus_ms(ms);
        // Never closed: this side holds a sender as well.
        let _ = self.rung.recv_until(&*self.clock, until);
    }

    /// How far the others were when they said so, and how many milliseconds ago that
    /// was.
    pub fn tidings(&self) -> BTreeMap<NodeId, (Tidings, u64)> {
        let now = self.clock.mono();
        let heard = self.heard();
        heard.tidings.iter().map(|(node, (tidings, at))| (*node, (*tidings, now.ms_since(*at)))).collect()
    }

    /// Who wants to know what is desired.
    pub fn take_wanted(&self) -> BTreeMap<NodeId, u64> {
        std::mem::take(&mut self.heard().wanted)
    }

    /// The desired state that was told last; an error names who told what cannot be read.
    pub fn take_map(&self) -> Option<Result<Desired, NodeId>> {
        let (from, text) = self.heard().map.take()?;
        Some(decode(&text).map_err(|_| from))
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
