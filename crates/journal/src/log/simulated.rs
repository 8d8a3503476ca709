//! A folder in memory for tests: the Nth operation can fail, space can run out, power can be cut between syncs.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use kassette_stdx::SeededEntropy;
use parking_lot::{Condvar, Mutex};

use crate::log::storage::{SegmentFile, Storage};

const SECTOR_BYTES: usize = 512;

/// What happens at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The operation fails and does nothing.
    Error(io::ErrorKind),
    /// A write does half of its work and fails; any other operation just fails.
    Half(io::ErrorKind),
    /// The thread panics.
    Panic,
}

#[derive(Debug, Clone, Default)]
struct Content {
    durable: Vec<u8>,
    current: Vec<u8>,
}

#[derive(Debug, Default)]
struct Disk {
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    files: HashMap<u64, Content>,
    next_file: u64,
    operations: u64,
    fault_at: Option<(u64, Fault)>,
    fault_met: bool,
    capacity_bytes: Option<usize>,
    hold_sync: bool,
}

/// See the module. Clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct SimulatedStorage {
    disk: Arc<(Mutex<Disk>, Condvar)>,
}

struct SimulatedFile {
    storage: SimulatedStorage,
    file: u64,
}

impl SimulatedStorage {
    /// The operation with this number from now on (1 is the next that changes something) does `fault`.
    pub(crate) fn fail_at(&self, number: u64, fault: Fault) {
        let mut disk = self.disk.0.lock();
        disk.fault_at = Some((disk.operations + number, fault));
        disk.fault_met = false;
    }

    pub(crate) fn fault_met(&self) -> bool {
        self.disk.0.lock().fault_met
    }

    pub(crate) fn set_capacity(&self, bytes: Option<usize>) {
        self.disk.0.lock().capacity_bytes = bytes;
    }

    /// Syncs wait until [`SimulatedStorage::release_sync`].
    pub(crate) fn hold_sync(&self) {
        self.disk.0.lock().hold_sync = true;
    }

    pub(crate) fn release_sync(&self) {
        self.disk.0.lock().hold_sync = false;
        self.disk.1.notify_all();
    }

    /// What a process that was killed leaves: everything written so far.
    pub(crate) fn after_kill(&self) -> Self {
        let disk = self.disk.0.lock();
        let files = disk.files.iter().map(|(id, content)| (*id, content.current.clone())).collect();
        Self::with(disk.names.clone(), files)
    }

    /// What a process that was killed leaves while the machine runs on: everything written so far can be read, but what was not
    /// synced is still lost by a later power cut.
    pub(crate) fn after_kill_unsynced(&self) -> Self {
        let disk = self.disk.0.lock();
        let left = Disk {
            names: disk.names.clone(),
            durable_names: disk.durable_names.clone(),
            files: disk.files.clone(),
            next_file: disk.next_file,
            ..Disk::default()
        };
        Self { disk: Arc::new((Mutex::new(left), Condvar::new())) }
    }

    /// What a power cut leaves in the worst case: only what was synced.
    pub(crate) fn after_worst_power_cut(&self) -> Self {
        let disk = self.disk.0.lock();
        let files = disk.files.iter().map(|(id, content)| (*id, content.durable.clone())).collect();
        Self::with(disk.durable_names.clone(), files)
    }

    /// What a power cut leaves: what was synced, and of the rest any sectors.
    pub(crate) fn after_power_cut(&self, random: &SeededEntropy) -> Self {
        let disk = self.disk.0.lock();
        let names = if random.next_u64().is_multiple_of(2) { &disk.names } else { &disk.durable_names };
        let mut files = HashMap::new();
        let mut ids: Vec<_> = disk.files.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let Content { durable, current } = &disk.files[&id];
            let length = if random.next_u64().is_multiple_of(2) { current.len() } else { durable.len() };
            let mut left = durable.clone();
            left.resize(length, 0);
            for (index, sector) in left.chunks_mut(SECTOR_BYTES).enumerate() {
                let start = index * SECTOR_BYTES;
                if random.next_u64().is_multiple_of(2) {
                    let newer = current.get(start..(start + sector.len()).min(current.len())).unwrap_or_default();
                    sector[..newer.len()].copy_from_slice(newer);
                }
            }
            files.insert(id, left);
        }
        Self::with(names.clone(), files)
    }

    fn with(names: BTreeMap<String, u64>, files: HashMap<u64, Vec<u8>>) -> Self {
        let disk = Disk {
            durable_names: names.clone(),
            names,
            next_file: files.keys().max().map_or(0, |id| id + 1),
            files: files
                .into_iter()
                .map(|(id, bytes)| (id, Content { durable: bytes.clone(), current: bytes }))
                .collect(),
            ..Disk::default()
        };
        Self { disk: Arc::new((Mutex::new(disk), Condvar::new())) }
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        let disk = self.disk.0.lock();
        disk.files[&disk.names[name]].current.clone()
    }

    pub(crate) fn set_file(&self, name: &str, bytes: Vec<u8>) {
        let mut disk = self.disk.0.lock();
        let id = disk.names[name];
        disk.files.insert(id, Content { durable: bytes.clone(), current: bytes });
    }

    fn operation(&self) -> io::Result<(parking_lot::MutexGuard<'_, Disk>, Option<io::ErrorKind>)> {
        let mut disk = self.disk.0.lock();
        disk.operations += 1;
        match disk.fault_at {
            Some((at, fault)) if at == disk.operations => {
                disk.fault_met = true;
                match fault {
                    Fault::Error(kind) => Err(kind.into()),
                    Fault::Half(kind) => Ok((disk, Some(kind))),
                    Fault::Panic => panic!("told to panic"),
                }
            }
            _ => Ok((disk, None)),
        }
    }

    fn whole(&self) -> io::Result<parking_lot::MutexGuard<'_, Disk>> {
        match self.operation()? {
            (_, Some(kind)) => Err(kind.into()),
            (disk, None) => Ok(disk),
        }
    }
}

impl SegmentFile for SimulatedFile {
    fn read_at(&self, target: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = self.storage.disk.0.lock();
        let bytes = &disk.files[&self.file].current;
        let start = (offset as usize).min(bytes.len());
        let count = target.len().min(bytes.len() - start);
        target[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (mut disk, half) = self.storage.operation()?;
        let bytes = if half.is_some() { &bytes[..bytes.len() / 2] } else { bytes };
        let end = offset as usize + bytes.len();
        let used: usize = disk.files.values().map(|content| content.current.len()).sum();
        let capacity = disk.capacity_bytes;
        let content = disk.files.get_mut(&self.file).unwrap();
        let grows = end.saturating_sub(content.current.len());
        if grows > 0 && capacity.is_some_and(|capacity| used + grows > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if grows > 0 {
            content.current.resize(end, 0);
        }
        content.current[offset as usize..end].copy_from_slice(bytes);
        half.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.storage.whole()?;
        while disk.hold_sync {
            self.storage.disk.1.wait(&mut disk);
        }
        let content = disk.files.get_mut(&self.file).unwrap();
        content.durable.clone_from(&content.current);
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.storage.disk.0.lock().files[&self.file].current.len() as u64)
    }
}

impl Storage for SimulatedStorage {
    fn create(&self, name: &str) -> io::Result<Arc<dyn SegmentFile>> {
        let mut disk = self.whole()?;
        let id = disk.next_file;
        disk.next_file += 1;
        if let Some(old) = disk.names.insert(name.to_owned(), id) {
            disk.files.get_mut(&old).unwrap().current.clear();
        }
        disk.files.insert(id, Content::default());
        Ok(Arc::new(SimulatedFile { storage: self.clone(), file: id }))
    }

    fn open(&self, name: &str, _writable: bool) -> io::Result<Arc<dyn SegmentFile>> {
        let disk = self.disk.0.lock();
        let file = *disk.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimulatedFile { storage: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.whole()?;
        let id = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.whole()?;
        let id = disk.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        disk.files.get_mut(&id).unwrap().current.clear();
        Ok(())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.disk.0.lock().names.keys().cloned().collect())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut disk = self.whole()?;
        disk.durable_names = disk.names.clone();
        Ok(())
    }
}
