//! Housekeeping: tells the log what stores hold, so that segments may go, and
//! flushes whoever keeps the log too long.

use super::{Core, join};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use env::{Env, Joiner};
use model::{PartitionId, Record, RecordKind, Stamp};
use pipeline::LogChoice;
use statestore::Store;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wal::{Append, Laggard, index_payload};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);

/// The thread. Dropping it ends it.
pub struct Housekeeper {
    stop: Option<Sender<()>>,
    thread: Option<Box<dyn Joiner>>,
}

impl Housekeeper {
    pub fn start(env: &Env, core: Arc<Core>) -> io::Result<Housekeeper> {
        let (stop, stopped): (Sender<()>, Receiver<()>) = bounded(1);
        let run = move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                core.keep_house();
            }
        };
        let thread = env.spawn.thread("housekeeper", Box::new(run))?;
        Ok(Housekeeper { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.stop = None;
        self.thread.take().into_iter().for_each(join);
    }
}

impl Core {
    fn keep_house(&self) {
        let mut state = self.state();
        if self.note_failures(&mut state) {
            self.publish(&state);
        }
        drop(state);
        if let Err(error) = self.flush_laggards() {
            tracing::error!(code = %error.code(), %error, "a laggard could not be flushed");
        }
        if let Err(error) = self.purge() {
            tracing::error!(code = %error.code(), %error, "the log could not be told what stores hold");
        }
    }

    /// A `Purge` for each partition whose store has flushed more.
    fn purge(&self) -> Result<(), super::StartError> {
        let mut state = self.state();
        let logged = |id: &PartitionId| {
            let table =
                state.desired.partitions.get(id).and_then(|spec| state.desired.tables.get(&spec.table));
            table.is_none_or(|table| table.profile.log == LogChoice::Local)
        };
        let ids: Vec<PartitionId> = state.held.keys().filter(|id| logged(id)).copied().collect();
        let mut appends = Vec::new();
        for id in ids {
            // One that is lost, or being made, has nothing to say.
            let Ok(flushed) = self.stores.flushed(id) else { continue };
            if flushed > state.purged.get(&id).copied().unwrap_or_default() {
                appends.push(purge(id, flushed));
                state.purged.insert(id, flushed);
            }
        }
        drop(state);
        if !appends.is_empty() {
            self.tell_log(&appends)?;
        }
        Ok(())
    }

    /// Beyond its bounds, the log is kept by whoever has not flushed for longest.
    fn flush_laggards(&self) -> Result<(), super::StartError> {
        let (told, answer) = bounded::<(u64, u64, Vec<Laggard>)>(1);
        self.inlet.call(move |writer| {
            // Whoever asked may have given up.
            let _ = told.send((writer.bytes(), writer.replay_bytes(), writer.laggards()));
        })?;
        let Ok((bytes, replay_bytes, laggards)) = answer.recv() else { return Ok(()) };
        self.log_bytes.store(bytes, Ordering::Relaxed);
        if bytes > self.limits.log_bytes_max || replay_bytes > self.limits.replay_bytes_max {
            let ids: Vec<PartitionId> = laggards.iter().map(|laggard| laggard.partition).collect();
            self.stores.flush(&ids)?;
        }
        Ok(())
    }
}

fn purge(partition: PartitionId, upto: model::Index) -> Append {
    Append::from(Record {
        partition,
        epoch: model::Epoch::default(),
        first_index: upto + 1,
        count: 0,
        stamp: Stamp(0),
        kind: RecordKind::Purge,
        payload: index_payload(upto),
    })
}
