//! A shard that panics takes the process with it: whoever waits for it would
//! wait for ever.

use env::channel::{Sender, bounded};
use env::sim::SimDisk;
use env::{Env, Fatal, Files, Mono, Plants};
use model::{ClusterId, DiskId, Limits};
use partition_mgr::Meters;
use partition_mgr::shard::{LogOutcome, Message, Nowhere, Post, ShardThread};
use std::path::Path;
use std::sync::Arc;
use wal::{Log, LogConfig, LogIdentity, MarkPolicy, SyncPolicy};

/// Says why, and ends the thread instead of the process.
struct Heard(Sender<String>);

impl Fatal for Heard {
    fn fatal(&self, reason: &str) -> ! {
        self.0.send(reason.to_owned()).expect("somebody listens");
        env::sim::Unwind.fatal(reason)
    }
}

#[test]
fn a_shard_that_panics_ends_the_process_with_a_code() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("/log")).expect("made");
    let (said, heard) = bounded(1);
    let real = env::real::env().expect("an environment");
    let env = Env { files: Arc::new(disk), fatal: Arc::new(Heard(said)), ..real };
    let limits = Limits { log_segment_bytes: 1 << 16, ..Limits::default() };
    let config = LogConfig {
        dir: "/log".into(),
        identity: LogIdentity { cluster: ClusterId(1), disk: DiskId(2) },
        sync: SyncPolicy::Each,
        mark: MarkPolicy::Idle,
        limits: limits.clone(),
        plants: Plants::NONE,
    };
    let open = wal::open(env.files.clone(), config, Mono(0)).expect("opens");
    let log = Log::start(&env, open.writer).expect("started");
    let nowhere = (Arc::new(Nowhere) as Arc<dyn Post>, env::Plants::NONE);
    let shard =
        ShardThread::start(&env, 7, &limits, log.inlet(), &Meters::new(), nowhere, |_| ()).expect("started");
    // The answer to a submission that was never made is a defect.
    shard.inbox.send(Message::Log(1, LogOutcome::Durable)).expect("it runs");
    let reason = heard.recv().expect("it says why");
    assert!(reason.starts_with("SH2901 thread `shard-7` panicked: every outcome has"), "{reason}");
}
