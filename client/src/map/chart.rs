//! What is known of who leads which keys. Pure: what is told goes in, and whom to ask
//! comes out.

use bytes::Bytes;
use model::{Epoch, Key, Layout, layout};
use proto::data::{MapEntry, WatchMapResponse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tables, and who leads their partitions.
#[derive(Debug, Default)]
pub(super) struct Chart {
    tables: BTreeMap<String, Known>,
}

/// A table.
#[derive(Debug)]
struct Known {
    layout: Layout,
    /// By the first key of each.
    places: BTreeMap<Bytes, Place>,
}

/// A partition.
#[derive(Debug)]
struct Place {
    partition: u64,
    /// None: there is no end.
    end: Option<Bytes>,
    epoch: Epoch,
    /// The data address of the node that leads it, if one is known to.
    leader: Option<Arc<str>>,
}

impl Chart {
    /// A message of a node.
    pub fn take(&mut self, told: WatchMapResponse) {
        for table in told.anew {
            match table.layout.parse() {
                Ok(layout) if !table.gone => {
                    self.tables.insert(table.table, Known { layout, places: BTreeMap::new() });
                }
                // Of a layout that this client does not know it finds no way.
                _ => drop(self.tables.remove(&table.table)),
            }
        }
        for entry in told.entries {
            if let Some(table) = self.tables.get_mut(&entry.table) {
                table.take(entry);
            }
        }
    }

    /// Nothing is known any more: nobody tells what changes.
    pub fn forget_all(&mut self) {
        self.tables.clear();
    }

    /// Who leads the partition of a key.
    pub fn leader(&self, table: &str, key: &Bytes) -> Option<&Arc<str>> {
        let table = self.tables.get(table)?;
        let at = table.start_of(key)?;
        table.places.get(&at)?.leader.as_ref()
    }

    /// The one that was taken for the leader says who is, or that nobody is known to be.
    /// It is believed whatever is known here: it does not lead itself.
    pub fn correct(&mut self, table: &str, key: &Bytes, leader: Option<Arc<str>>, epoch: Epoch) {
        let Some(known) = self.tables.get_mut(table) else { return };
        let Some(place) = known.start_of(key).and_then(|at| known.places.get_mut(&at)) else { return };
        place.leader = leader;
        // A node without a replica knows of no term.
        place.epoch = place.epoch.max(epoch);
    }
}

impl Known {
    fn take(&mut self, entry: MapEntry) {
        let MapEntry { partition, start, end, epoch, address, .. } = entry;
        let epoch = epoch.map_or(Epoch { generation: 0, term: 0 }, |epoch| Epoch {
            generation: epoch.generation,
            term: epoch.term,
        });
        let stands = self.places.get(&start).filter(|place| place.partition == partition);
        // A node that lags behind tells of what has been.
        if stands.is_some_and(|place| place.epoch > epoch) {
            return;
        }
        let leader = Some(address).filter(|address| !address.is_empty()).map(Arc::from);
        let end = Some(end).filter(|end| !end.is_empty());
        self.places.insert(start, Place { partition, end, epoch, leader });
    }

    /// The first key of the partition that holds this one.
    fn start_of(&self, key: &Bytes) -> Option<Bytes> {
        let stored = match self.layout {
            Layout::Ordered => key.clone(),
            Layout::Hashed => {
                let point = layout::point(&Key::new(key.clone()).ok()?);
                Bytes::copy_from_slice(&point.to_be_bytes())
            }
        };
        let (start, place) = self.places.range(..=stored.clone()).next_back()?;
        let ends = place.end.as_ref().is_some_and(|end| stored >= *end);
        (!ends).then(|| start.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::common;
    use proto::data::MapTable;

    fn entry(partition: u64, range: (&'static str, &'static str), term: u64, address: &str) -> MapEntry {
        MapEntry {
            table: "t".to_owned(),
            partition,
            start: Bytes::from(range.0),
            end: Bytes::from(range.1),
            epoch: Some(common::Epoch { generation: 1, term }),
            address: address.to_owned(),
        }
    }

    fn of(layout: &str) -> MapTable {
        MapTable { table: "t".to_owned(), layout: layout.to_owned(), gone: false }
    }

    fn told(anew: Vec<MapTable>, entries: Vec<MapEntry>) -> WatchMapResponse {
        WatchMapResponse { map_version: 1, entries, anew }
    }

    fn leader<'c>(chart: &'c Chart, key: &'static str) -> Option<&'c str> {
        chart.leader("t", &Bytes::from(key)).map(|leader| &**leader)
    }

    fn two() -> Chart {
        let mut chart = Chart::default();
        chart.take(told(
            vec![of("ordered")],
            vec![entry(1, ("", "m"), 2, "a:1"), entry(2, ("p", ""), 2, "b:1")],
        ));
        chart
    }

    #[test]
    fn keys_lie_where_they_are_told_to() {
        let chart = two();
        let rows = [("a", Some("a:1")), ("lzz", Some("a:1")), ("m", None), ("o", None), ("p", Some("b:1"))];
        for (key, expected) in rows {
            assert_eq!(leader(&chart, key), expected, "{key}");
        }
        assert_eq!(chart.leader("other", &Bytes::from("a")), None);
    }

    #[test]
    fn what_is_later_counts_whoever_tells_it() {
        let mut chart = two();
        chart.take(told(vec![], vec![entry(1, ("", "m"), 1, "c:1")]));
        assert_eq!(leader(&chart, "a"), Some("a:1"), "an earlier term");
        chart.take(told(vec![], vec![entry(1, ("", "m"), 3, "")]));
        assert_eq!(leader(&chart, "a"), None, "nobody leads");
        let (key, epoch) = (Bytes::from("a"), |term| Epoch { generation: 1, term });
        chart.correct("t", &key, Some("d:1".into()), epoch(0));
        assert_eq!(leader(&chart, "a"), Some("d:1"), "whoever should lead knows that it does not");
        chart.take(told(vec![], vec![entry(1, ("", "m"), 2, "a:1")]));
        assert_eq!(leader(&chart, "a"), Some("d:1"), "an earlier term");
        chart.correct("t", &key, None, epoch(4));
        assert_eq!(leader(&chart, "a"), None);
        chart.take(told(vec![], vec![entry(1, ("", "m"), 4, "a:1")]));
        assert_eq!(leader(&chart, "a"), Some("a:1"));
    }

    #[test]
    fn a_table_that_is_told_anew_has_nothing_of_before() {
        let mut chart = two();
        chart.take(told(vec![of("ordered")], vec![entry(3, ("", "c"), 1, "e:1")]));
        assert_eq!((leader(&chart, "a"), leader(&chart, "p")), (Some("e:1"), None));
        chart.take(told(vec![of("spiral")], vec![entry(3, ("", ""), 1, "e:1")]));
        assert_eq!(leader(&chart, "a"), None, "a layout that nobody here knows");
        let gone = MapTable { gone: true, ..of("ordered") };
        let mut chart = two();
        chart.take(told(vec![gone], vec![]));
        assert_eq!(leader(&chart, "a"), None);
    }

    #[test]
    fn hashed_keys_lie_by_their_points() {
        let mut chart = Chart::default();
        let whole = entry(1, ("", ""), 1, "a:1");
        chart.take(told(vec![of("hashed")], vec![whole]));
        assert_eq!(leader(&chart, "anything"), Some("a:1"));
        assert_eq!(leader(&chart, ""), None, "no key");
        let point = layout::point(&Key::new("k").expect("a key")).to_be_bytes();
        let behind = MapEntry { start: Bytes::copy_from_slice(&point), ..entry(2, ("", ""), 1, "b:1") };
        let before = MapEntry { end: Bytes::copy_from_slice(&point), ..entry(1, ("", ""), 1, "a:1") };
        chart.take(told(vec![of("hashed")], vec![before, behind]));
        assert_eq!(leader(&chart, "k"), Some("b:1"));
    }
}
