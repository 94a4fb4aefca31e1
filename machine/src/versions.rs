//! The versions of one machine that a build has.

use crate::machine::Machine;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// One machine, in each version that a history may ask for. Cheap to clone.
///
/// A version is what makes of a command what it makes of it, for ever: a build
/// that makes something else of one has one version more, and keeps the old for
/// the histories that were written under it.
///
/// **Invariant:** there is one, and all have the same name.
#[derive(Clone)]
pub struct Versions {
    by_number: BTreeMap<u32, Arc<dyn Machine>>,
}

impl Versions {
    /// This one alone.
    pub fn one(machine: Arc<dyn Machine>) -> Versions {
        Versions { by_number: BTreeMap::from([(machine.version(), machine)]) }
    }

    /// And this one; `None` if it has another name or a version that is there.
    #[must_use]
    pub fn and(mut self, machine: Arc<dyn Machine>) -> Option<Versions> {
        let is_other = self.name() != machine.name();
        let before = self.by_number.insert(machine.version(), machine);
        (!is_other && before.is_none()).then_some(self)
    }

    /// Their name.
    pub fn name(&self) -> &'static str {
        self.latest().name()
    }

    /// What new histories begin with, and old ones go on with.
    pub fn latest(&self) -> &Arc<dyn Machine> {
        self.by_number.last_key_value().expect("there is one").1
    }

    /// The one of this number.
    pub fn get(&self, version: u32) -> Option<&Arc<dyn Machine>> {
        self.by_number.get(&version)
    }

    /// Their numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.by_number.keys().copied()
    }
}

impl<M: Machine + 'static> From<M> for Versions {
    fn from(machine: M) -> Versions {
        Versions::one(Arc::new(machine))
    }
}

impl fmt::Debug for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.name(), self.numbers().collect::<Vec<_>>())
    }
}
