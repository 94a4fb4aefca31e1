//! Operators: somebody at each node who makes tables of his own all the time. What he
//! was told has to be so in the end, on all nodes alike.

use coordinator::{TableName, TableSpec};
use env::Env;
use model::{Layout, code};
use partition_mgr::{ChangeError, Node};
use pipeline::{LogChoice, Profile, StoreChoice};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Between two changes, at most.
const PAUSE_MS: u64 = 2_000;

/// What somebody was told of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing: it is there or not.
    Nothing,
    /// It is there.
    Made,
    /// It is not.
    Refused,
}

/// What all operators were told. Outlives their processes.
#[derive(Clone, Default)]
pub(super) struct Operators {
    told: Arc<Mutex<BTreeMap<String, Told>>>,
    rest: Arc<AtomicBool>,
}

impl Operators {
    /// No more changes.
    pub fn rest(&self) {
        self.rest.store(true, Ordering::Relaxed);
    }

    /// One at this node, as long as its process lives.
    pub fn work(&self, env: &Env, node: &Arc<Node>, name: &str) -> std::io::Result<()> {
        let (own, node, name, there) = (self.clone(), node.clone(), name.to_owned(), env.clone());
        let body = move || {
            let mut draws = there.rng.stream("operator");
            for serial in 0.. {
                there.pause_ms(1 + draws.below(PAUSE_MS));
                if own.rest.load(Ordering::Relaxed) {
                    return;
                }
                own.make(&node, &format!("{name}.{}.{serial}", node.boot().0));
            }
        };
        env.spawn.thread("operator", Box::new(body)).map(drop)
    }

    fn make(&self, node: &Node, name: &str) {
        self.note(name, Told::Nothing);
        let table = TableName::new("default", name).expect("a name");
        let profile = Profile::new(StoreChoice::Memory, LogChoice::LocalEach);
        let spec = TableSpec { layout: Layout::Ordered, machine: "kv".to_owned(), profile };
        let told = match node.create_table(table, spec, 1) {
            // What could not follow is made all the same.
            Ok(_) | Err(ChangeError::Undone(_)) => Told::Made,
            Err(error) if error.code() == code::UNKNOWN_OUTCOME => Told::Nothing,
            Err(_) => Told::Refused,
        };
        self.note(name, told);
    }

    fn note(&self, name: &str, told: Told) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), told);
    }

    /// What is wrong with these tables, which are those of a node.
    pub fn judge(&self, tables: &BTreeSet<String>) -> Vec<String> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = told.iter().filter_map(|(name, told)| match (told, tables.contains(name)) {
            (Told::Made, false) => Some(format!("table {name} was made, and is not there")),
            (Told::Refused, true) => Some(format!("table {name} was refused, and is there")),
            _ => None,
        });
        wrong.collect()
    }

    /// How many were made.
    pub fn made(&self) -> usize {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.values().filter(|told| **told == Told::Made).count()
    }
}
