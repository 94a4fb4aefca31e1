//! An application's own store, from the example, keeps every promise that ours do.
#![allow(missing_docs, reason = "a test")]

use statestore::Store;
use statestore::conformance::{self, Exchange, Subject};
use std::path::Path;

#[path = "../examples/map_store.rs"]
mod map_store;

use map_store::MapStore;

impl Subject for MapStore {
    fn store(&self) -> &dyn Store {
        self
    }

    fn crash(&mut self) {
        MapStore::crash(self);
    }

    fn exchange(&self) -> Option<Exchange<'_>> {
        None
    }

    fn open_checkpoint(&self, _: &Path) -> Box<dyn Store> {
        unreachable!("it has no files")
    }
}

#[test]
fn an_application_s_own_store_conforms() {
    conformance::run(&mut || Box::new(MapStore::default()));
}
