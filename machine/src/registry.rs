//! The machines of a build, by name.

use crate::counter::Counter;
use crate::keyed::{Keyed, OfKeys};
use crate::kv::Kv;
use crate::lease::Lease;
use crate::machine::Machine;
use model::Layout;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

type Make = Arc<dyn Fn(Layout) -> Arc<dyn Machine> + Send + Sync>;

/// Which machines tables may have. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    machines: BTreeMap<&'static str, Make>,
}

/// There is a machine of that name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a machine `{0}` already")]
pub struct NameTaken(pub &'static str);

impl Registry {
    /// Those in the box.
    pub fn built_in() -> Registry {
        let kv: Make = Arc::new(|layout| Arc::new(Kv { layout }));
        let none = Registry { machines: BTreeMap::from([("kv", kv)]) };
        none.with(Counter).and_then(|some| some.with(Lease)).expect("the names differ")
    }

    /// And this one.
    pub fn with(mut self, keyed: impl Keyed + Clone) -> Result<Registry, NameTaken> {
        let name = keyed.name();
        let make: Make = Arc::new(move |layout| Arc::new(OfKeys { keyed: keyed.clone(), layout }));
        match self.machines.insert(name, make) {
            None => Ok(self),
            Some(_) => Err(NameTaken(name)),
        }
    }

    /// The machine of this name for a table of this layout.
    pub fn make(&self, name: &str, layout: Layout) -> Option<Arc<dyn Machine>> {
        self.machines.get(name).map(|make| make(layout))
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.machines.keys().copied()
    }
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::built_in()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_is_found_by_the_name_it_gives_itself() {
        let registry = Registry::built_in();
        assert_eq!(registry.names().collect::<Vec<_>>(), ["counter", "kv", "lease"]);
        for name in registry.names() {
            let machine = registry.make(name, Layout::Hashed).expect("it is there");
            assert_eq!((machine.name(), machine.version()), (name, 1));
        }
        assert!(registry.make("nobody", Layout::Hashed).is_none());
        assert_eq!(registry.with(Counter).err(), Some(NameTaken("counter")));
    }
}
