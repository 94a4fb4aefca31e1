//! The machines of a build, by name.

use crate::counter::Counter;
use crate::keyed::{Keyed, OfKeys};
use crate::kv::Kv;
use crate::lease::Lease;
use crate::machine::Machine;
use crate::versions::Versions;
use model::Layout;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

type Make = Arc<dyn Fn(Setting) -> Arc<dyn Machine> + Send + Sync>;

/// What a machine knows of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// How keys are stored.
    pub layout: Layout,
    /// Do events say what a row was before?
    pub previous: bool,
}

impl Setting {
    /// Events do not say what was before.
    pub fn of(layout: Layout) -> Setting {
        Setting { layout, previous: false }
    }
}

/// Which machines tables may have. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    machines: BTreeMap<&'static str, BTreeMap<u32, Make>>,
}

/// There is a machine of that name and version already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a machine `{0}` of version {1} already")]
pub struct NameTaken(pub &'static str, pub u32);

impl Registry {
    /// Those in the box.
    pub fn built_in() -> Registry {
        let kv: Make = Arc::new(|setting| Arc::new(Kv { setting }));
        let none = Registry { machines: BTreeMap::from([("kv", BTreeMap::from([(1, kv)]))]) };
        none.with(Counter).and_then(|some| some.with(Lease)).expect("the names differ")
    }

    /// And this one: another machine, or another version of one that is there.
    /// Tables go on with the latest; those before stay for what they have written.
    pub fn with(mut self, keyed: impl Keyed + Clone) -> Result<Registry, NameTaken> {
        let (name, version) = (keyed.name(), keyed.version());
        let make: Make = Arc::new(move |setting: Setting| {
            Arc::new(OfKeys { keyed: keyed.clone(), layout: setting.layout })
        });
        match self.machines.entry(name).or_default().insert(version, make) {
            None => Ok(self),
            Some(_) => Err(NameTaken(name, version)),
        }
    }

    /// The machine of this name for a table, in all its versions.
    pub fn make(&self, name: &str, setting: Setting) -> Option<Versions> {
        let mut made = self.machines.get(name)?.values().map(|make| make(setting));
        let first = Versions::one(made.next()?);
        made.try_fold(first, Versions::and)
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
    use crate::machine::{At, Nonsense, ViewError};
    use bytes::Bytes;

    /// Nothing but a version.
    #[derive(Clone)]
    struct Bare(u32);

    impl Keyed for Bare {
        fn name(&self) -> &'static str {
            "bare"
        }

        fn version(&self) -> u32 {
            self.0
        }

        fn check(&self, _: &Bytes) -> Result<(), Nonsense> {
            Ok(())
        }

        fn apply(&self, _: &mut crate::Rows<'_>, _: &Bytes, _: At) -> Result<Bytes, ViewError> {
            Ok(Bytes::new())
        }

        fn query(&self, _: &crate::Rows<'_>, _: &Bytes, _: At) -> Result<Result<Bytes, Nonsense>, ViewError> {
            Ok(Ok(Bytes::new()))
        }
    }

    #[test]
    fn every_machine_is_found_by_the_name_it_gives_itself() {
        let (registry, setting) = (Registry::built_in(), Setting::of(Layout::Hashed));
        assert_eq!(registry.names().collect::<Vec<_>>(), ["counter", "kv", "lease"]);
        for name in registry.names() {
            let machine = registry.make(name, setting).expect("it is there");
            assert_eq!((machine.name(), machine.numbers().collect::<Vec<_>>()), (name, vec![1]));
        }
        assert!(registry.make("nobody", setting).is_none());
        assert_eq!(registry.with(Counter).err(), Some(NameTaken("counter", 1)));
    }

    #[test]
    fn a_machine_may_have_versions() {
        let registry = Registry::built_in().with(Bare(2)).and_then(|some| some.with(Bare(1)));
        let registry = registry.expect("the versions differ");
        let bare = registry.make("bare", Setting::of(Layout::Hashed)).expect("it is there");
        assert_eq!(format!("{bare:?}"), "bare [1, 2]");
        assert_eq!(bare.latest().version(), 2);
        assert!(bare.get(1).is_some() && bare.get(3).is_none());
        assert_eq!(registry.with(Bare(2)).err(), Some(NameTaken("bare", 2)));
        let none = Versions::from(Kv { setting: Setting::of(Layout::Hashed) });
        assert!(none.and(bare.latest().clone()).is_none(), "another name");
    }
}
