//! Tables: made, renamed, dropped and brought back.

use super::{ChangeError, ListedDrop, Node};
use coordinator::{Refused, TableName, TableSpec, equal_ranges};
use model::{Layout, PartitionId};
use pipeline::LogChoice;

impl Node {
    /// Would such a table be made, as far as can be said without making it?
    pub fn check_table(&self, name: &TableName, spec: &TableSpec) -> Result<(), ChangeError> {
        spec.profile.check(self.core.log_reaches).map_err(Refused::from)?;
        if spec.rules(&self.core.machines).is_none() {
            let known = self.core.machines.names().collect::<Vec<_>>().join(", ");
            return Err(Refused::NoMachine { machine: spec.machine.clone(), known }.into());
        }
        let mut desired = self.core.state().desired.clone();
        // Whether there is such a table in a cluster, the cluster says.
        if desired.catalog_partition().is_none() {
            desired.create_table(name.clone(), spec.clone())?;
        }
        Ok(())
    }

    /// Makes a table, and partitions of equal ranges if it is hashed.
    pub fn create_table(
        &self,
        name: TableName,
        spec: TableSpec,
        partitions: u32,
    ) -> Result<Vec<PartitionId>, ChangeError> {
        let profile = spec.profile;
        // No store is opened for what will be refused.
        self.check_table(&name, &spec)?;
        if profile.log == LogChoice::Store {
            self.core.stores.open_journaled().map_err(|error| ChangeError::Unopened(error.into()))?;
        }
        if self.core.stores.of(&profile).is_none() {
            return Err(ChangeError::Unable("this build has no RocksDB; choose store `memory`".to_owned()));
        }
        let count = if spec.layout == Layout::Hashed { partitions.clamp(1, 1024) } else { 1 };
        self.core.change(|desired, _| {
            desired.create_table(name.clone(), spec.clone())?;
            equal_ranges(count).into_iter().map(|range| desired.add_partition(&name, range, None)).collect()
        })
    }

    /// Gives a table another name in its namespace. Whatever it serves goes on.
    pub fn rename_table(&self, name: &TableName, to: TableName) -> Result<(), ChangeError> {
        // What is amiss with its partitions is not the name's failure.
        self.core.change(|desired, _| desired.rename_table(name, to.clone()).map(|_| Vec::new())).map(drop)
    }

    /// Drops a table, with its partitions if that is asked for; what can be
    /// brought back is returned.
    pub fn drop_table(
        &self,
        name: &TableName,
        with_partitions: bool,
    ) -> Result<Option<ListedDrop>, ChangeError> {
        let now_ms = self.core.now_ms();
        let mut drop = None;
        self.core.change(|desired, _| {
            drop = desired.drop_table(name, with_partitions, now_ms)?;
            Ok(Vec::new())
        })?;
        Ok(self.dropped().into_iter().find(|listed| Some(listed.drop) == drop))
    }

    /// Brings a dropped table back under this name, with all that is in it: the
    /// one of that number, or the last one of its name.
    pub fn undrop_table(
        &self,
        name: &TableName,
        drop: Option<u64>,
        to: TableName,
    ) -> Result<Vec<PartitionId>, ChangeError> {
        self.core.change(|desired, _| desired.undrop_table(name, drop, to.clone()))
    }
}
