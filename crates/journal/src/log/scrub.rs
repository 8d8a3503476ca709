//! Reading behind, slowly, what opening did not read.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::Position;
use crate::log::check::LogCheck;
use crate::log::files::LogFiles;
use crate::log::pass::{GoOn, Part, pass};
use crate::log::state::LogState;
use crate::options::JournalOptions;

/// The thread that reads the older part of the log once, with pauses, and names damage in it.
pub struct Scrubber {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Scrubber {
    /// Starts reading from the beginning up to `until`.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(
        files: Arc<LogFiles>,
        state: Arc<LogState>,
        until: Position,
        options: &JournalOptions,
    ) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let stopping = Arc::clone(&stop);
        let pause = Duration::from_millis(options.scrub_pause_ms);
        let chunk_bytes = options.scrub_chunk_bytes as u64;
        let thread = std::thread::Builder::new().name("journal-scrubber".to_owned()).spawn(move || {
            scrub(&files, &state, until, &mut |read_bytes| {
                // One pause for each chunk of bytes read.
                let pauses = u32::try_from(read_bytes.div_ceil(chunk_bytes.max(1))).unwrap_or(1);
                let mut stopped = stopping.0.lock();
                if !*stopped {
                    stopping.1.wait_for(&mut stopped, pause.saturating_mul(pauses));
                }
                if *stopped { GoOn::No } else { GoOn::Yes }
            });
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends the thread.
    pub fn close(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Scrubber {
    fn drop(&mut self) {
        self.close();
    }
}

/// One pass up to `until`; damage goes to `state` as soon as it is certain.
pub fn scrub(files: &LogFiles, state: &LogState, until: Position, pause: &mut dyn FnMut(u64) -> GoOn) {
    let mut check = LogCheck::from_start();
    let part = Part { from: None, until: Some(until) };
    let ended = pass(files, part, &mut check, &mut |_| Ok(()), &mut |bytes, _| pause(bytes));
    if let Err(error) = ended {
        tracing::error!(%error, "the journal could not be read behind");
    }
    for hole in &check.holes {
        state.meets_hole(hole.position);
        state.hold_unproven(hole);
    }
    for damage in check.damages {
        state.add_damage(damage);
    }
}
