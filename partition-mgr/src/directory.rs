//! The directory: from a key to the partition that holds it, and the way in.

use crate::moves::Moves;
use crate::past::{Past, Unseen};
use crate::shard::Message;
use coordinator::{TableName, TableSpec};
use machine::Versions;
use model::{Durability, Epoch, Index, Key, KeyRange, Layout, NodeId, PartitionId, Position, layout};
use partition::{Mailbox, Published};
use statestore::Store;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A partition that is served here.
#[derive(Clone)]
pub struct Handle {
    /// Which.
    pub id: PartitionId,
    /// The way in.
    pub mailbox: Mailbox<Message>,
    /// What it lets others see.
    pub published: Arc<Published>,
    /// Its rows.
    pub store: Arc<dyn Store>,
    /// What is left of what earlier boots acknowledged.
    pub past: Arc<Past>,
}

impl Handle {
    /// Does what is read here from now on lie behind the position?
    pub fn has_seen(&self, position: Position) -> Result<(), Unseen> {
        let applied = self.published.applied();
        if self.published.is_replicated() {
            // Whichever node told of it, replicas agree on what its index means.
            return self.past.judge_agreed(position, applied);
        }
        self.past.judge(position, applied)
    }
}

/// How a partition stands.
#[derive(Clone)]
pub enum Standing {
    /// It takes requests.
    Serving(Handle),
    /// It cannot be served: why.
    Failed(String),
    /// It is on other nodes.
    Elsewhere(Vec<NodeId>),
}

/// A partition of a table.
#[derive(Clone)]
pub struct Place {
    /// Which.
    pub id: PartitionId,
    /// Which keys.
    pub range: KeyRange,
    /// Under whom.
    pub epoch: Epoch,
    /// How it stands.
    pub standing: Standing,
}

/// A table and its partitions, sorted by range.
pub struct TableMap {
    /// Its name.
    pub name: TableName,
    /// What was chosen for it.
    pub spec: TableSpec,
    /// What its commands mean; none if this build lacks its machine.
    pub machine: Option<Versions>,
    /// What an answer is worth on this node.
    pub reaches: Durability,
    /// Its partitions.
    pub places: Vec<Place>,
}

impl TableMap {
    /// The partition whose range holds a key.
    pub fn place_of(&self, key: &Key) -> Option<&Place> {
        self.index_of(key).map(|at| &self.places[at])
    }

    /// Its place among the table's.
    pub fn index_of(&self, key: &Key) -> Option<usize> {
        let point;
        let bytes = match self.spec.layout {
            Layout::Ordered => key.as_bytes(),
            Layout::Hashed => {
                point = layout::point(key).to_be_bytes();
                &point[..]
            }
        };
        let behind = self.places.partition_point(|place| place.range.start() <= bytes);
        behind.checked_sub(1).filter(|at| self.places[*at].range.contains(bytes))
    }
}

/// Everything that is served here, at one moment.
#[derive(Default)]
pub struct Map {
    /// The version of the desired state that it shows.
    pub version: u64,
    /// Where clients reach the nodes of the cluster.
    pub nodes: BTreeMap<NodeId, String>,
    namespaces: BTreeMap<String, BTreeMap<String, Arc<TableMap>>>,
    /// Where each partition is: its table, and its place there. Sorted.
    places: Vec<(PartitionId, Arc<TableMap>, usize)>,
}

impl Map {
    /// A map of these tables.
    pub fn new(version: u64, tables: impl IntoIterator<Item = TableMap>) -> Map {
        let mut map = Map { version, ..Map::default() };
        for mut table in tables {
            table.places.sort_by(|a, b| a.range.cmp(&b.range));
            let (table, names) = (Arc::new(table), &mut map.namespaces);
            let places = table.places.iter().enumerate();
            map.places.extend(places.map(|(at, place)| (place.id, table.clone(), at)));
            let names = names.entry(table.name.namespace().to_owned()).or_default();
            names.insert(table.name.name().to_owned(), table);
        }
        map.places.sort_by_key(|(id, ..)| *id);
        map
    }

    /// A partition's table, and its place there.
    pub fn place(&self, id: PartitionId) -> Option<(&Arc<TableMap>, usize)> {
        let at = self.places.binary_search_by_key(&id, |(id, ..)| *id).ok()?;
        let (_, table, place) = &self.places[at];
        Some((table, *place))
    }

    /// A table by name.
    pub fn table(&self, namespace: &str, name: &str) -> Option<&Arc<TableMap>> {
        self.namespaces.get(namespace)?.get(name)
    }

    /// All of them, by name.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableMap>> {
        self.namespaces.values().flat_map(BTreeMap::values)
    }
}

/// The map that holds now; replaced whole.
#[derive(Default)]
pub struct Directory {
    current: RwLock<Arc<Map>>,
    moves: Arc<Moves>,
}

impl Directory {
    /// The map as it is now.
    pub fn current(&self) -> Arc<Map> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new map holds from now on.
    pub fn publish(&self, map: Map) {
        let map = Arc::new(map);
        let before = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, map.clone())
        };
        for (id, table, at) in &map.places {
            let stood = before.place(*id).map(|(table, at)| &table.places[at]);
            if !stood.is_some_and(|stood| stood.stands_like(&table.places[*at])) {
                self.moves.note(*id);
            }
        }
        self.moves.ring();
    }

    /// What somebody else leads than before.
    pub fn moves(&self) -> &Arc<Moves> {
        &self.moves
    }
}

impl Place {
    /// Is it served by the same, or by nobody in the same way?
    fn stands_like(&self, other: &Place) -> bool {
        match (&self.standing, &other.standing) {
            (Standing::Serving(one), Standing::Serving(other)) => {
                Arc::ptr_eq(&one.published, &other.published)
            }
            (Standing::Failed(_), Standing::Failed(_)) => true,
            (Standing::Elsewhere(one), Standing::Elsewhere(other)) => one == other,
            _ => false,
        }
    }

    /// Everything up to here is applied; `None` when it is not served.
    pub fn applied(&self) -> Option<Index> {
        match &self.standing {
            Standing::Serving(handle) => Some(handle.published.applied()),
            Standing::Failed(_) | Standing::Elsewhere(_) => None,
        }
    }
}
