//! The next segment, zeroed ahead by a thread of its own, so that the writer never waits for 64 MiB of zeros.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::log::segment::{SPARE_NAME, SPARE_UNFINISHED_NAME};
use crate::log::state::LogState;
use crate::log::storage::{SegmentFile, Storage, is_no_space};

/// A pause is this much longer than the write before it: a third of the device's time at most goes into zeros.
const PAUSE_FACTOR: u32 = 2;
const PAUSE_MAX: Duration = Duration::from_millis(5);

const ZEROS_BYTES: usize = 1024 * 1024;

/// Fills a file with zeros up to `bytes` and makes it durable.
///
/// # Errors
/// When the device fails or has no space.
pub fn fill_with_zeros(file: &dyn SegmentFile, from: u64, bytes: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_BYTES.min(usize::try_from(bytes.saturating_sub(from)).unwrap_or(ZEROS_BYTES))];
    let mut at = from;
    while at < bytes {
        let length = usize::try_from(bytes.saturating_sub(at)).unwrap_or(ZEROS_BYTES).min(zeros.len());
        file.write_all_at(zeros.get(..length).unwrap_or(&zeros), at)?;
        at = at.saturating_add(length as u64);
    }
    file.sync_all()
}

/// Makes the spare: a file of `bytes` zeros, durable with its name. On failure nothing is left of it. `pause` as in
/// [`Storage::fill_directly`].
///
/// # Errors
/// When the device fails or has no space.
pub fn make_spare(storage: &dyn Storage, bytes: u64, pause: &dyn Fn(Duration)) -> io::Result<Arc<dyn SegmentFile>> {
    let made = storage.create(SPARE_UNFINISHED_NAME).and_then(|file| {
        if storage.fill_directly(SPARE_UNFINISHED_NAME, bytes, pause)? {
            file.sync_all()?;
        } else {
            fill_with_zeros(&*file, 0, bytes)?;
        }
        storage.rename(SPARE_UNFINISHED_NAME, SPARE_NAME)?;
        storage.sync_names()?;
        Ok(file)
    });
    if made.is_err() {
        // Half a spare would keep the little space that is left.
        let _ = storage.remove(SPARE_UNFINISHED_NAME);
    }
    made
}

#[derive(Default)]
struct Wish {
    /// A spare is wanted and there is none.
    wanted: bool,
    /// The spare.
    ready: Option<Arc<dyn SegmentFile>>,
    /// Why the last attempt failed, until the writer has seen it.
    failed: Option<io::Error>,
    /// The writer had to go without: try again at intervals.
    missed: bool,
    closing: bool,
}

struct Desk {
    wish: Mutex<Wish>,
    changed: Condvar,
    /// The writer waits for the spare: no more pauses.
    urgent: AtomicBool,
}

/// Handle on the thread that zeroes the next segment.
pub struct Preallocator {
    desk: Arc<Desk>,
    state: Arc<LogState>,
    thread: Option<JoinHandle<()>>,
}

impl Preallocator {
    /// Starts the thread. `spare` is one that was found in the folder.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(
        storage: Arc<dyn Storage>,
        bytes: u64,
        spare: Option<Arc<dyn SegmentFile>>,
        retry: Duration,
        state: Arc<LogState>,
    ) -> io::Result<Self> {
        let desk = Arc::new(Desk {
            wish: Mutex::new(Wish { ready: spare, ..Wish::default() }),
            changed: Condvar::new(),
            urgent: AtomicBool::new(false),
        });
        let (work, known) = (Arc::clone(&desk), Arc::clone(&state));
        let thread = std::thread::Builder::new()
            .name("journal-zeroes".to_owned())
            .spawn(move || work.run(&*storage, bytes, retry, &known))?;
        Ok(Self { desk, state, thread: Some(thread) })
    }

    /// Asks for a spare, without waiting. A failure is remembered until the spare is needed.
    pub fn request(&self) {
        let mut wish = self.desk.wish.lock();
        if wish.ready.is_none() && wish.failed.is_none() && !wish.wanted {
            wish.wanted = true;
            self.desk.changed.notify_all();
        }
    }

    /// Takes the spare; waits while it is being zeroed, and tries once more when an earlier attempt failed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn take(&self) -> io::Result<Arc<dyn SegmentFile>> {
        let mut wish = self.desk.wish.lock();
        wish.failed = None;
        loop {
            if let Some(spare) = wish.ready.take() {
                wish.missed = false;
                return Ok(spare);
            }
            if let Some(error) = wish.failed.take() {
                wish.missed = true;
                if is_no_space(&error) {
                    // Under the lock, so that the thread's later success is not overwritten.
                    self.state.set_no_space(Some(error.to_string()));
                }
                self.desk.changed.notify_all();
                return Err(error);
            }
            if wish.closing {
                return Err(io::Error::other("the journal is being closed"));
            }
            if !wish.wanted {
                wish.wanted = true;
                self.desk.changed.notify_all();
            }
            self.desk.urgent.store(true, Ordering::Relaxed);
            self.desk.changed.wait(&mut wish);
        }
    }

    /// Ends the thread.
    pub fn close(&mut self) {
        self.desk.wish.lock().closing = true;
        self.desk.urgent.store(true, Ordering::Relaxed);
        self.desk.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Preallocator {
    fn drop(&mut self) {
        self.close();
    }
}

impl Desk {
    /// Leaves the device to the syncs of the log for a while, unless the writer waits for the spare.
    fn pause(&self, took: Duration) {
        if !self.urgent.load(Ordering::Relaxed) {
            std::thread::sleep(took.saturating_mul(PAUSE_FACTOR).min(PAUSE_MAX));
        }
    }

    fn run(&self, storage: &dyn Storage, bytes: u64, retry: Duration, state: &LogState) {
        let mut wish = self.wish.lock();
        while !wish.closing {
            if wish.wanted {
                let made = parking_lot::MutexGuard::unlocked(&mut wish, || {
                    // A panic here must not leave the writer waiting for ever.
                    let pause = |took| self.pause(took);
                    catch_unwind(AssertUnwindSafe(|| make_spare(storage, bytes, &pause)))
                        .unwrap_or_else(|_| Err(io::Error::other("the preallocating thread panicked")))
                });
                wish.wanted = false;
                if !wish.closing {
                    self.urgent.store(false, Ordering::Relaxed);
                }
                match made {
                    Ok(file) => {
                        wish.ready = Some(file);
                        wish.failed = None;
                        wish.missed = false;
                        state.set_no_space(None);
                    }
                    Err(error) => {
                        tracing::warn!(%error, bytes, "the next journal segment could not be made ahead");
                        if wish.missed && is_no_space(&error) {
                            state.set_no_space(Some(error.to_string()));
                        }
                        wish.failed = Some(error);
                    }
                }
                self.changed.notify_all();
            } else if wish.missed {
                if self.changed.wait_for(&mut wish, retry).timed_out() && wish.missed && wish.ready.is_none() {
                    wish.wanted = true;
                }
            } else {
                self.changed.wait(&mut wish);
            }
        }
        self.changed.notify_all();
    }
}
