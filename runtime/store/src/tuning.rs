//! RocksDB's settings. It refuses settings whose cost at start-up grows with what is stored, and
//! those that trade durability for speed.

use crate::options::StoreOptions;
use deriva_system::storage::Space;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType,
    DBRecoveryMode, DEFAULT_COLUMN_FAMILY_NAME, InfoLogger, LogLevel, Options, WriteBufferManager,
};

/// Chunks of at least this many bytes stand in blob files, which compactions do not rewrite.
const BLOB_LEAST: u64 = 16 << 10;
/// A blob file is small enough to be collected and large enough that files stay few.
const BLOB_FILE: u64 = 128 << 20;
/// A blob file among the oldest is rewritten when more than half of those is garbage.
const BLOB_GARBAGE: f64 = 0.5;
/// How much of the blob files, by age, a collection looks at.
const BLOB_AGE: f64 = 0.5;
/// About one lookup in a hundred of an absent key reads a block in vain.
const BLOOM_BITS: f64 = 10.0;
/// The part of a memtable that its own filter takes: a put asks mostly for what is not there.
const MEMTABLE_BLOOM: f64 = 0.02;
/// Keys are hashes, so that every file of flushed writes overlaps every other: the more of them are
/// merged at once, the less often all is rewritten. Each is one filter more that a lookup asks.
const FILES_BEFORE_COMPACTION: i32 = 8;
/// Index and filters are cut into blocks of this size, so that only what is used is in memory.
const INDEX_BLOCK: usize = 4 << 10;
/// Bytes after which the kernel is asked to begin writing, so that an fsync finds little to do.
const WRITE_AHEAD: u64 = 1 << 20;
/// The manifest is read at start-up; a longer one is begun anew.
const MANIFEST_BYTES: usize = 16 << 20;
const MANIFEST_STEP: usize = 64 << 10;
/// Threads that open files at start-up.
const OPENERS: i32 = 2;

/// The settings of one opening: they share one cache and one bound of unflushed writes.
pub(crate) struct Tuning {
    cache: Cache,
    unflushed: WriteBufferManager,
    memtable: usize,
}

impl Tuning {
    pub(crate) fn new(options: &StoreOptions) -> Self {
        let cache = Cache::new_lru_cache(options.memory());
        // Unflushed writes are charged to the cache, so that one number bounds both.
        let unflushed = WriteBufferManager::new_write_buffer_manager_with_cache(
            options.unflushed(),
            false,
            cache.clone(),
        );
        Self {
            cache,
            unflushed,
            memtable: options.memtable(),
        }
    }

    /// The settings of the whole store.
    pub(crate) fn database(&self, options: &StoreOptions, recovery: DBRecoveryMode) -> Options {
        let mut database = Options::default();
        database.set_paranoid_checks(true);
        database.set_wal_recovery_mode(recovery);
        database.set_track_and_verify_wals_in_manifest(true);
        database.set_max_total_wal_size(options.log_bytes);
        database.set_write_buffer_manager(&self.unflushed);
        database.set_max_open_files(i32::from(options.open_files));
        database.set_max_file_opening_threads(OPENERS);
        database.set_skip_stats_update_on_db_open(true);
        database.set_max_background_jobs(i32::from(options.background_jobs));
        database.set_bytes_per_sync(WRITE_AHEAD);
        database.set_wal_bytes_per_sync(WRITE_AHEAD);
        database.set_max_manifest_file_size(MANIFEST_BYTES);
        database.set_manifest_preallocation_size(MANIFEST_STEP);
        database.set_stats_dump_period_sec(0);
        database.set_stats_persist_period_sec(0);
        database.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Warn, tell));
        database
    }

    /// One family a space, and the default one that RocksDB insists on.
    pub(crate) fn families(&self) -> Vec<ColumnFamilyDescriptor> {
        Space::ALL
            .into_iter()
            .map(|space| ColumnFamilyDescriptor::new(space.name(), self.family(space)))
            .chain([self.default_family()])
            .collect()
    }

    /// Those that a look at the format needs.
    pub(crate) fn meta_family(&self) -> Vec<ColumnFamilyDescriptor> {
        let meta = ColumnFamilyDescriptor::new(Space::Meta.name(), self.family(Space::Meta));
        vec![meta, self.default_family()]
    }

    fn default_family(&self) -> ColumnFamilyDescriptor {
        ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, self.family(Space::Meta))
    }

    fn family(&self, space: Space) -> Options {
        let mut family = Options::default();
        family.set_write_buffer_size(self.memtable);
        family.set_memtable_whole_key_filtering(true);
        family.set_memtable_prefix_bloom_ratio(MEMTABLE_BLOOM);
        family.set_level_zero_file_num_compaction_trigger(FILES_BEFORE_COMPACTION);
        family.set_compression_type(DBCompressionType::Lz4);
        family.set_block_based_table_factory(&self.table());
        if space == Space::Chunks {
            family.set_enable_blob_files(true);
            family.set_min_blob_size(BLOB_LEAST);
            family.set_blob_file_size(BLOB_FILE);
            family.set_blob_compression_type(DBCompressionType::Lz4);
            family.set_enable_blob_gc(true);
            family.set_blob_gc_age_cutoff(BLOB_AGE);
            family.set_blob_gc_force_threshold(BLOB_GARBAGE);
        }
        family
    }

    /// Point lookups of random keys: a filter over whole keys, in blocks that the cache bounds.
    fn table(&self) -> BlockBasedOptions {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&self.cache);
        table.set_bloom_filter(BLOOM_BITS, false);
        table.set_whole_key_filtering(true);
        table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
        table.set_partition_filters(true);
        table.set_metadata_block_size(INDEX_BLOCK);
        table.set_cache_index_and_filter_blocks(true);
        table.set_cache_index_and_filter_blocks_with_high_priority(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        table.set_optimize_filters_for_memory(true);
        table
    }
}

/// RocksDB's warnings go where the node's do, instead of into a file of their own.
pub(crate) fn tell(level: LogLevel, text: &str) {
    match level {
        LogLevel::Error | LogLevel::Fatal => tracing::error!(target: "rocksdb", "{text}"),
        LogLevel::Warn => tracing::warn!(target: "rocksdb", "{text}"),
        LogLevel::Debug | LogLevel::Info | LogLevel::Header => {
            tracing::debug!(target: "rocksdb", "{text}");
        }
    }
}
