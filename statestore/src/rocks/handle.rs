//! A column family's handle that may be kept.
//!
//! The binding lends a handle for as long as the database is borrowed, and
//! looking one up waits behind every create and import. So a handle is looked
//! up once and kept together with the database it belongs to.
#![allow(unsafe_code)] // one lifetime, argued below

use rocksdb::{BoundColumnFamily, DB};
use std::sync::Arc;

/// A column family of a database that cannot be closed under it.
pub(super) struct Handle {
    // Dropped in this order: the handle before its database.
    family: Arc<BoundColumnFamily<'static>>,
    db: Arc<DB>,
}

impl Handle {
    pub fn find(db: &Arc<DB>, name: &str) -> Option<Handle> {
        let family: Arc<BoundColumnFamily<'_>> = db.cf_handle(name)?;
        // SAFETY: the lifetime promises one thing, that the database outlives
        // the handle. It does: `db` is kept beside it, is dropped after it, and
        // keeps the database where it is (an `Arc` does not move its content).
        // The `'static` is never lent out: `family()` ties what it lends to
        // `&self`. The type has no other use of the lifetime, so its layout
        // is the same.
        let family = unsafe {
            std::mem::transmute::<Arc<BoundColumnFamily<'_>>, Arc<BoundColumnFamily<'static>>>(family)
        };
        Some(Handle { family, db: db.clone() })
    }

    /// The handle, for no longer than `self` is there.
    pub fn family<'h>(&'h self) -> &'h Arc<BoundColumnFamily<'h>> {
        &self.family
    }

    pub fn db(&self) -> &DB {
        &self.db
    }
}
