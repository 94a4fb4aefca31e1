//! One turn of a scan: a page of a partition's rows, read and put into its frame
//! by a thread that may wait for a disk.

use crate::data::read::{expires_ms, failure};
use crate::data::worth::Worth;
use bytes::Bytes;
use model::{Epoch, KeyRange, Layout, PartitionId};
use partition_mgr::directory::Handle;
use partition_mgr::reading::Right;
use partition_mgr::scanning::{Next, Page, Room, Scan, Walk};
use proto::Failure;
use proto::convert::receipt_to_wire;
use proto::data::{ScanResponse, ScannedRow};

/// Where a page comes from.
pub(super) enum Source {
    /// A partition that is still to be looked at.
    Closed {
        handle: Handle,
        layout: Layout,
        range: KeyRange,
        walk: Walk,
        expected: Option<Epoch>,
        right: Right,
    },
    /// One whose moment is held.
    Open(Opened),
}

/// A scan under way.
pub(super) struct Opened {
    scan: Scan,
    id: PartitionId,
}

/// What came of a turn.
pub(super) struct Turn {
    /// For the next one.
    pub scan: Opened,
    /// The message in its frame.
    pub frame: Bytes,
    pub rows: usize,
    pub bytes: usize,
    pub next: Next,
}

/// A row and its key.
pub(in crate::data) fn row_to_wire((key, row): (Bytes, machine::Row)) -> ScannedRow {
    let expires_ms = expires_ms(&row);
    ScannedRow { key, revision: row.revision, value: row.value, expires_ms }
}

impl Source {
    pub fn turn(self, room: Room, worth: Worth) -> Result<Turn, Failure> {
        let mut opened = self.open()?;
        let Page { rows, bytes, next } = opened.scan.page(room).map_err(failure)?;
        let (count, scan) = (rows.len(), &opened.scan);
        let (epoch, index) = (scan.epoch, scan.applied);
        let receipt = worth.receipt(opened.id, epoch, index, scan.as_of);
        let rows = rows.into_iter().map(row_to_wire).collect();
        let frame = proto::framed(&ScanResponse { receipt: Some(receipt_to_wire(&receipt)), rows })?;
        Ok(Turn { scan: opened, frame, rows: count, bytes, next })
    }

    fn open(self) -> Result<Opened, Failure> {
        match self {
            Source::Open(opened) => Ok(opened),
            Source::Closed { handle, layout, range, walk, expected, right } => {
                let scan = handle.scan(layout, &range, walk, expected, right).map_err(failure)?;
                Ok(Opened { scan, id: handle.id })
            }
        }
    }
}
