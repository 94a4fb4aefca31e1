//! RocksDB's settings, each with its reason.

use super::Journal;
use model::Limits;
use rocksdb::{
    BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, Options, WriteBufferManager, WriteOptions,
};

const ARENA_BLOCK_BYTES: usize = 64 << 10;
const BYTES_PER_SYNC: u64 = 1 << 20;
/// So many files that lookups have to visit stop writers.
const LEVEL0_FILES_MAX: i32 = 36;
const BLOOM_BITS: f64 = 10.0;
const BACKGROUND_JOBS: i32 = 2;
const INFO_LOGS: usize = 4;
const INFO_LOG_BYTES: usize = 16 << 20;

/// What the instances of a store share.
pub(super) struct Shared {
    cache: Cache,
    memtables: WriteBufferManager,
    limits: Limits,
    journal: Journal,
}

impl Shared {
    pub fn new(limits: &Limits, journal: Journal) -> Shared {
        Shared {
            cache: Cache::new_lru_cache(limits.store_cache_bytes_max),
            // It does not stall writers: whoever is over flushes, oldest first.
            memtables: WriteBufferManager::new_write_buffer_manager(limits.store_memtable_bytes_max, false),
            limits: limits.clone(),
            journal,
        }
    }

    pub fn spare_slots(&self) -> usize {
        self.limits.store_spare_slots
    }

    /// Settings of an instance.
    pub fn instance(&self, create: bool) -> Options {
        let mut options = Options::default();
        options.create_if_missing(create);
        options.set_write_buffer_manager(&self.memtables);
        options.set_max_open_files(i32::try_from(self.limits.store_files_max).unwrap_or(i32::MAX));
        options.set_max_background_jobs(BACKGROUND_JOBS);
        // Without it a flush writes its whole file back at once, and the log's
        // syncs wait behind that.
        options.set_bytes_per_sync(BYTES_PER_SYNC);
        // A stop is no slower than a crash: the log brings back the rest.
        options.set_avoid_flush_during_shutdown(true);
        options.set_keep_log_file_num(INFO_LOGS);
        options.set_max_log_file_size(INFO_LOG_BYTES);
        // A synced journal may lack its last, unacknowledged batch; damage
        // before that is damage. The default mode would drop what follows it.
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options
    }

    /// Settings of a column family. Every one needs them by name at each open,
    /// or gets RocksDB's defaults.
    pub fn slot(&self) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&self.cache);
        table.set_bloom_filter(BLOOM_BITS, false);
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(self.limits.store_memtable_bytes_each_max);
        // The first write of a memtable is charged a whole arena block; with
        // the default of a MiB, many idle partitions fill the budget with air.
        options.set_arena_block_size(ARENA_BLOCK_BYTES);
        // Writers are not slowed down by sleeping in the engine, with a whole
        // shard behind them: they go on until they are stopped, and are told.
        options.set_level_zero_slowdown_writes_trigger(LEVEL0_FILES_MAX);
        options.set_level_zero_stop_writes_trigger(LEVEL0_FILES_MAX);
        options.set_soft_pending_compaction_bytes_limit(0);
        options
    }

    /// How batches are written.
    pub fn writes(&self) -> WriteOptions {
        let mut options = WriteOptions::default();
        // Never wait in there: on a full disk whoever waits holds the queue that
        // the engine's own recovery needs, and both wait for ever.
        options.set_no_slowdown(true);
        match self.journal {
            Journal::Off => options.disable_wal(true),
            Journal::Synced => options.set_sync(true),
        }
        options
    }
}
