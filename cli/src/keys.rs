//! Which keys are meant: options of verbs that go through a range of rows.

use crate::failed::Failed;
use crate::rows::RowsArgs;
use bytes::Bytes;
use clap::Args;
use client::{Scope, Watching};
use std::ffi::OsString;

/// All keys, unless told.
#[derive(Args, Debug)]
pub(crate) struct KeysArgs {
    /// Rows whose keys begin so.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["start", "end"])]
    prefix: Option<OsString>,

    /// The first key.
    #[arg(long, alias = "from", value_name = "KEY")]
    start: Option<OsString>,

    /// The key behind the last.
    #[arg(long, alias = "to", value_name = "KEY")]
    end: Option<OsString>,
}

/// As they were named.
enum Keys {
    Prefix(Bytes),
    Range(Bytes, Bytes),
}

impl KeysArgs {
    /// For a scan of them.
    pub fn scope(&mut self, rows: &RowsArgs) -> Result<Scope, Failed> {
        Ok(match self.keys(rows)? {
            Keys::Prefix(prefix) => Scope::prefix(prefix),
            Keys::Range(start, end) => Scope::range(start, end),
        })
    }

    /// For a watch of them.
    pub fn watching(&mut self, rows: &RowsArgs) -> Result<Watching, Failed> {
        Ok(match self.keys(rows)? {
            Keys::Prefix(prefix) => Watching::prefix(prefix),
            Keys::Range(start, end) => Watching::range(start, end),
        })
    }

    fn keys(&mut self, rows: &RowsArgs) -> Result<Keys, Failed> {
        let key = |key: Option<OsString>| key.map_or(Ok(Bytes::new()), |key| rows.key(key));
        match self.prefix.take() {
            Some(prefix) => Ok(Keys::Prefix(rows.key(prefix)?)),
            None => Ok(Keys::Range(key(self.start.take())?, key(self.end.take())?)),
        }
    }
}
