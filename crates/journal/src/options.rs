//! Every limit of the embedded journal, each with its unit, in one place.

use crate::index::{IndexerOptions, SledOptions};
use crate::log::segment::HEADER_BLOCK_BYTES;

/// Options of the embedded journal. All limits are named with their unit.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// Size of a segment file, preallocated with zeros.
    pub segment_bytes: u32,
    /// Size of the first segment of a folder, smaller so that a new folder is made quickly. At most `segment_bytes`.
    pub first_segment_bytes: u32,
    /// Records that may wait for the writer; more are refused with `Busy`.
    pub queue_records_max: usize,
    /// Bytes of records that may wait for the writer; more are refused with `Busy`.
    pub queue_bytes_max: usize,
    /// Records in one batch, that is under one sync.
    pub batch_records_max: usize,
    /// Bytes in one batch; a single larger record still makes a batch of its own.
    pub batch_bytes_max: usize,
    /// Header and bodies of one record; more is refused with `TooLarge`.
    pub record_bytes_max: usize,
    /// Records that may wait for the index before the writer waits for it.
    pub index_lag_records_max: usize,
    /// A log up to this size is read whole when it is opened; of a larger one only what the index does not have yet, and the
    /// rest is read behind by the scrubber.
    pub open_scan_bytes_max: u64,
    /// Segment files held open for reading.
    pub open_segments_max: usize,
    /// Bytes that the scrubber reads between two pauses.
    pub scrub_chunk_bytes: usize,
    /// Length of a pause of the scrubber in milliseconds.
    pub scrub_pause_ms: u64,
    /// How long the preallocating thread waits before it tries again after a failure, in milliseconds.
    pub preallocate_retry_ms: u64,
    /// Which index to keep.
    pub index: IndexKind,
    /// Cache of pages of the sled index, in bytes; sled takes about three times as much.
    pub index_cache_bytes: u64,
    /// Memory for the filters that tell a fresh operation, in bytes; about 2.5 for each record. Beyond it a look into sled is needed.
    pub index_filter_bytes_max: u64,
    /// Records that gather in memory before the sled index writes them, about 150 bytes each.
    pub index_gathered_records_max: u64,
    /// How long they gather at most, in milliseconds.
    pub index_flush_ms: u64,
    /// After an unclean stop: records before the last written one that are applied again at least.
    pub index_replay_margin_records: u64,
    /// How often a fresh sled index is tried after one failed, in milliseconds.
    pub index_reopen_ms: u64,
    /// Records up to which an index in memory takes the place of a sled index that failed.
    pub index_memory_records_max: u64,
}

/// The store behind the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// sled in the folder `index`; kept over restarts, rebuilt when it is missing or damaged.
    Sled,
    /// In memory; built from the whole log at every opening.
    Memory,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            first_segment_bytes: 4 * 1024 * 1024,
            queue_records_max: 4096,
            queue_bytes_max: 64 * 1024 * 1024,
            batch_records_max: 512,
            batch_bytes_max: 2 * 1024 * 1024,
            record_bytes_max: 32 * 1024 * 1024,
            index_lag_records_max: 65_536,
            open_scan_bytes_max: 256 * 1024 * 1024,
            open_segments_max: 64,
            scrub_chunk_bytes: 256 * 1024,
            scrub_pause_ms: 20,
            preallocate_retry_ms: 1000,
            index: IndexKind::Sled,
            index_cache_bytes: 64 * 1024 * 1024,
            index_filter_bytes_max: 256 * 1024 * 1024,
            index_gathered_records_max: 16_384,
            index_flush_ms: 5_000,
            index_replay_margin_records: 16_384,
            index_reopen_ms: 30_000,
            index_memory_records_max: 20_000_000,
        }
    }
}

/// Least size of a segment: header block and a few frames.
pub const SEGMENT_BYTES_MIN: u32 = 16 * 1024;
/// Largest size of a segment: an offset must fit 32 bits with room to compute.
pub const SEGMENT_BYTES_MAX: u32 = 1024 * 1024 * 1024;

impl JournalOptions {
    /// The part of the sled store.
    pub(crate) fn sled(&self) -> SledOptions {
        SledOptions {
            cache_bytes: self.index_cache_bytes,
            gathered_records_max: self.index_gathered_records_max,
            filter_bytes_max: self.index_filter_bytes_max,
            replay_margin_records: self.index_replay_margin_records,
            ..SledOptions::default()
        }
    }

    /// The part of the thread that fills the index.
    pub(crate) fn indexer(&self) -> IndexerOptions {
        IndexerOptions {
            index_lag_records_max: self.index_lag_records_max as u64,
            head_flush_ms: self.index_flush_ms,
            reopen_ms: self.index_reopen_ms,
            memory_index_records_max: self.index_memory_records_max,
            ..IndexerOptions::default()
        }
    }

    /// The options with sizes brought into the range that the format can hold: segments of whole 4 KiB between
    /// [`SEGMENT_BYTES_MIN`] and [`SEGMENT_BYTES_MAX`], counts of at least one.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        let whole = |bytes: u32| bytes.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX) / 4096 * 4096;
        self.segment_bytes = whole(self.segment_bytes);
        self.first_segment_bytes = whole(self.first_segment_bytes).min(self.segment_bytes);
        self.queue_records_max = self.queue_records_max.max(1);
        self.batch_records_max = self.batch_records_max.max(1);
        self.index_lag_records_max = self.index_lag_records_max.max(1);
        self.index_gathered_records_max = self.index_gathered_records_max.max(1);
        self.open_segments_max = self.open_segments_max.max(2);
        self.scrub_chunk_bytes = self.scrub_chunk_bytes.max(4096);
        let room = (self.segment_bytes as usize).saturating_sub(HEADER_BLOCK_BYTES as usize).saturating_sub(128);
        self.record_bytes_max = self.record_bytes_max.min(room);
        self
    }
}
