//! What is told, as messages in their frames.

use crate::data::scan::row_to_wire;
use bytes::Bytes;
use model::{BootId, Event, EventKind, Index, PartitionId, Stamp};
use proto::Failure;
use proto::common::Position;
use proto::data::{self, TailResponse, WatchResponse};

/// Which call's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    Tail,
    Watch,
}

/// What every message says.
#[derive(Clone, Copy)]
pub(super) struct Message {
    pub partition: PartitionId,
    pub upto: Index,
    pub is_all: bool,
    pub boot: BootId,
}

/// Where each partition begins: the first message of a watch.
pub(super) fn begins(begins: Vec<Position>) -> Result<Bytes, Failure> {
    proto::framed(&WatchResponse { begins, ..WatchResponse::default() })
}

/// Events.
pub(super) fn events(
    voice: Voice,
    message: Message,
    events: Vec<(Index, Stamp, Event)>,
    before: bool,
) -> Result<Bytes, Failure> {
    frame(voice, message, events.into_iter().map(|event| event_to_wire(event, before)).collect())
}

/// Nothing, and how far that goes.
pub(super) fn mark(voice: Voice, message: Message) -> Result<Bytes, Failure> {
    frame(voice, message, Vec::new())
}

fn frame(voice: Voice, message: Message, told: Vec<data::Event>) -> Result<Bytes, Failure> {
    let Message { partition: PartitionId(partition), upto: index, is_all, boot: BootId(boot) } = message;
    match voice {
        Voice::Tail => {
            proto::framed(&TailResponse { partition, index, told, is_all, boot, ..TailResponse::default() })
        }
        Voice::Watch => {
            proto::framed(&WatchResponse { partition, index, told, is_all, boot, ..WatchResponse::default() })
        }
    }
}

/// Rows that a watch begins with.
pub(super) fn rows(
    Message { partition: PartitionId(partition), upto: index, is_all, boot: BootId(boot) }: Message,
    rows: Vec<(Bytes, machine::Row)>,
) -> Result<Bytes, Failure> {
    let changed = rows.into_iter().map(row_to_wire).collect();
    proto::framed(&WatchResponse { partition, index, changed, is_all, boot, ..WatchResponse::default() })
}

fn event_to_wire((index, stamp, event): (Index, Stamp, Event), before: bool) -> data::Event {
    let kind = match event.kind {
        EventKind::Put => data::EventKind::Put,
        EventKind::Removed => data::EventKind::Removed,
        EventKind::Expired => data::EventKind::Expired,
        EventKind::Told => data::EventKind::Told,
    };
    let before = event.before.filter(|_| before);
    data::Event {
        index,
        kind: kind.into(),
        key: event.key.into_bytes(),
        value: event.body,
        before: before.map(|before| data::Before { revision: before.revision, value: before.value }),
        stamp: stamp.0,
    }
}
