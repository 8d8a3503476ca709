//! One run: how it is written, searched and checked.

use fastbloom::BloomFilter;

use super::super::Handle;
use super::super::IndexError;
use super::block::{
    BLOCK_ENTRIES, ENTRY_BYTES, FILTER_PART_WORDS, FIRST, LAST, block_key, entries, entry_bytes, filter_key,
};
use super::{Entry, filter_hash};

/// Bits of a filter for each entry: with [`FILTER_HASHES`] fewer than 1 of 100 absent keys is looked for in vain.
const FILTER_BITS_PER_ENTRY: u64 = 10;
const FILTER_HASHES: u32 = 7;
/// Keys taken out of sled in one batch.
const REMOVED_AT_ONCE: usize = 64;

/// What the list says of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Number; never used twice in a store.
    pub(crate) id: u64,
    /// Entries in it.
    pub(crate) entries: u64,
    /// Blocks in sled.
    pub(crate) blocks: u32,
    /// CRC-32C over the values of all blocks in order.
    pub(crate) checksum: u32,
    /// Words of its filter.
    pub(crate) filter_words: u32,
}

impl Run {
    pub(crate) const BYTES: usize = 28;

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [
            self.id.to_be_bytes().as_slice(),
            &self.entries.to_be_bytes(),
            &self.blocks.to_be_bytes(),
            &self.checksum.to_be_bytes(),
            &self.filter_words.to_be_bytes(),
        ]
        .concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (entries, rest) = rest.split_first_chunk()?;
        let (blocks, rest) = rest.split_first_chunk()?;
        let (checksum, words) = rest.split_first_chunk()?;
        Some(Self {
            id: u64::from_be_bytes(*id),
            entries: u64::from_be_bytes(*entries),
            blocks: u32::from_be_bytes(*blocks),
            checksum: u32::from_be_bytes(*checksum),
            filter_words: u32::from_be_bytes(words.try_into().ok()?),
        })
    }

    /// Size class: runs of one class are merged. Each class is four times the one below.
    pub(crate) fn class(&self) -> u32 {
        (self.entries / BLOCK_ENTRIES as u64).saturating_add(1).ilog2() / 2
    }

    /// Entries from `first` to `last`, the highest first, at most `limit`.
    pub(crate) fn newest(
        &self,
        handle: &Handle,
        (first, last): (u128, u128),
        limit: usize,
        found: &mut Vec<Entry>,
    ) -> Result<(), IndexError> {
        let end = Entry { key: last, ..LAST };
        let range = block_key(self.id, &FIRST)..=block_key(self.id, &end);
        let mut left = limit;
        handle
            .run("look for an entry", |db| {
                for item in db.range(range).rev() {
                    let (_, block) = item?;
                    let Some(block) = entries(&block) else { return Ok(false) };
                    for entry in block.iter().rev().filter(|entry| entry.key <= last) {
                        if left == 0 || entry.key < first {
                            return Ok(true);
                        }
                        found.push(*entry);
                        left = left.saturating_sub(1);
                    }
                }
                Ok(true)
            })?
            .then_some(())
            .ok_or_else(|| handle.fail("a block of a run is malformed"))
    }

    /// The next blocks behind `after`, at most `limit`.
    pub(crate) fn blocks_after(
        &self,
        handle: &Handle,
        after: Option<&Entry>,
        limit: usize,
    ) -> Result<Vec<Entry>, IndexError> {
        let mut from = block_key(self.id, after.unwrap_or(&FIRST)).to_vec();
        if after.is_some() {
            from.push(0);
        }
        let to = block_key(self.id, &LAST).to_vec();
        let mut read = Vec::new();
        handle
            .run("read a run", |db| {
                for item in db.range(from..=to).take(limit) {
                    let Some(block) = entries(&item?.1) else { return Ok(false) };
                    read.extend(block);
                }
                Ok(true)
            })?
            .then_some(read)
            .ok_or_else(|| handle.fail("a block of a run is malformed"))
    }

    /// Reads everything: whether the run is as the list says.
    pub(crate) fn is_whole(&self, handle: &Handle) -> Result<bool, IndexError> {
        let range = block_key(self.id, &FIRST)..=block_key(self.id, &LAST);
        let (mut blocks, mut count, mut checksum) = (0_u32, 0_u64, 0_u32);
        handle.run("check a run", |db| {
            for item in db.range(range) {
                let (_, block) = item?;
                blocks = blocks.saturating_add(1);
                count = count.saturating_add((block.len() / ENTRY_BYTES) as u64);
                checksum = crc32c::crc32c_append(checksum, &block);
            }
            Ok(())
        })?;
        Ok((blocks, count, checksum) == (self.blocks, self.entries, self.checksum))
    }

    /// Reads the filter. `None` when a part is missing.
    pub(crate) fn filter(&self, handle: &Handle) -> Result<Option<BloomFilter>, IndexError> {
        let words = self.filter_words as usize;
        let mut read = Vec::with_capacity(words);
        handle.run("read a filter", |db| {
            for item in db.range(filter_key(self.id, 0)..=filter_key(self.id, u32::MAX)) {
                let (_, part) = item?;
                read.extend(part.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)));
            }
            Ok(())
        })?;
        Ok((words > 0 && read.len() == words).then(|| restored(read)))
    }

    /// Takes some keys of the run `id` out of sled, filter first; true when nothing is left. Blocks go last, because an opening
    /// finds what was left behind by them.
    pub(crate) fn remove_some(handle: &Handle, id: u64) -> Result<bool, IndexError> {
        let (blocks, filter) = (
            block_key(id, &FIRST).to_vec()..=block_key(id, &LAST).to_vec(),
            filter_key(id, 0).to_vec()..=filter_key(id, u32::MAX).to_vec(),
        );
        handle.run("remove a run", |db| {
            let keys = db.range(filter).chain(db.range(blocks)).keys_of(REMOVED_AT_ONCE)?;
            let is_all = keys.len() < REMOVED_AT_ONCE;
            let mut batch = sled::Batch::default();
            keys.into_iter().for_each(|key| batch.remove(key));
            db.apply_batch(batch)?;
            Ok(is_all)
        })
    }
}

trait Keys {
    fn keys_of(self, limit: usize) -> sled::Result<Vec<sled::IVec>>;
}

impl<I: Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>> Keys for I {
    fn keys_of(self, limit: usize) -> sled::Result<Vec<sled::IVec>> {
        self.take(limit).map(|item| item.map(|(key, _)| key)).collect()
    }
}

fn restored(words: Vec<u64>) -> BloomFilter {
    // The hash is the key itself, so the hasher is never asked; its seed only has to be some.
    BloomFilter::from_vec(words).seed(&0).hashes(FILTER_HASHES)
}

/// A written run: what the list is to say, and its filter, unless that would be larger than filters may be.
pub(crate) type Written = (Run, Option<BloomFilter>);

/// Writes a run block by block.
pub(crate) struct RunWriter {
    run: Run,
    filter: Option<BloomFilter>,
    block: Vec<u8>,
    first: Option<Entry>,
    last: Option<Entry>,
    /// Parts of the filter that are written.
    parts: u32,
}

impl RunWriter {
    /// A new run `id` for at most `entries_max` entries.
    pub(crate) fn new(id: u64, entries_max: u64, filter_bytes_max: u64) -> Self {
        let words = entries_max.saturating_mul(FILTER_BITS_PER_ENTRY).div_ceil(64).max(1);
        let words = u32::try_from(words).ok().filter(|words| u64::from(*words).saturating_mul(8) <= filter_bytes_max);
        Self {
            run: Run { id, entries: 0, blocks: 0, checksum: 0, filter_words: words.unwrap_or(0) },
            filter: words.map(|words| restored(vec![0; words as usize])),
            block: Vec::with_capacity(BLOCK_ENTRIES.saturating_mul(ENTRY_BYTES)),
            first: None,
            last: None,
            parts: 0,
        }
    }

    /// Adds an entry; they come in ascending order, and one that came before is left out.
    pub(crate) fn push(&mut self, handle: &Handle, entry: Entry) -> Result<(), IndexError> {
        if self.last == Some(entry) {
            return Ok(());
        }
        self.last = Some(entry);
        self.first.get_or_insert(entry);
        if let Some(filter) = &mut self.filter {
            filter.insert_hash(filter_hash(entry.key));
        }
        self.block.extend_from_slice(&entry_bytes(&entry));
        self.run.entries = self.run.entries.saturating_add(1);
        if self.block.len() >= BLOCK_ENTRIES.saturating_mul(ENTRY_BYTES) { self.write_block(handle) } else { Ok(()) }
    }

    fn write_block(&mut self, handle: &Handle) -> Result<(), IndexError> {
        let Some(first) = self.first.take() else { return Ok(()) };
        self.run.blocks = self.run.blocks.saturating_add(1);
        self.run.checksum = crc32c::crc32c_append(self.run.checksum, &self.block);
        let key = block_key(self.run.id, &first);
        handle.run("write a block", |db| db.insert(key, self.block.as_slice()))?;
        self.block.clear();
        Ok(())
    }

    /// After the last entry: writes the last block, then a part of the filter with each call; true when nothing is left.
    pub(crate) fn end_some(&mut self, handle: &Handle) -> Result<bool, IndexError> {
        self.write_block(handle)?;
        let words = self.filter.as_ref().map(BloomFilter::as_slice).unwrap_or_default();
        let Some(part) = words.chunks(FILTER_PART_WORDS).nth(self.parts as usize) else { return Ok(true) };
        let bytes: Vec<u8> = part.iter().flat_map(|word| word.to_le_bytes()).collect();
        handle.run("write a filter", |db| db.insert(filter_key(self.run.id, self.parts), bytes))?;
        self.parts = self.parts.saturating_add(1);
        Ok(false)
    }

    /// What was written, when nothing is left. Not yet in the list, and not yet with the operating system.
    pub(crate) fn written(self) -> Written {
        (self.run, self.filter)
    }
}
