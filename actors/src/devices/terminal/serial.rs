//! A serial line: it lives on threads of its own, because reading, writing and opening may all block.
//!
//! One thread opens and reads, one writes. Both end within [`READ_TIMEOUT`] when the line is dropped or closed from outside. A panic or an
//! error in one of them ends the port.

use std::io::{ErrorKind, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use actix::Addr;
use serialport::{ClearBuffer, DataBits, Parity, SerialPort, StopBits};

use super::keeper::LineEnd;
use super::line::{LineBytes, LineUp};
use super::session::TerminalSession;
use crate::cash_box::panic_text;
use crate::supervision::ChildContext;

/// How long a read waits for the first byte; also the longest that an ended line stays open.
const READ_TIMEOUT: Duration = Duration::from_millis(50);
/// Attempts to open a line that is still locked: by the reader of the life before, which sees its end only after [`READ_TIMEOUT`].
const LOCKED_ATTEMPTS: u32 = 10;
/// How often a write that could not be done within [`READ_TIMEOUT`] is tried again: 5 s in all.
const WRITE_ATTEMPTS: u32 = 100;
/// Bytes written at once: a write of much more than the driver's buffer blocks without regard to the time-out.
const CHUNK_BYTES: usize = 128;
/// Bytes read at once.
const READ_BYTES: usize = 1_024;

/// An open line, or one that is being opened.
pub(super) struct SerialLine {
    closed: Arc<AtomicBool>,
    out: Sender<Vec<u8>>,
}

impl SerialLine {
    pub(super) fn open(path: String, baud: u32, session: Addr<TerminalSession>, child: ChildContext) -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        let (out, bytes) = channel();
        let line = Self { closed: Arc::clone(&closed), out };
        let told = child.clone();
        let started = std::thread::Builder::new().name("terminal-line".to_owned()).spawn(move || {
            let work = || read(&path, baud, &session, bytes, &closed, &told);
            let ended = catch_unwind(AssertUnwindSafe(work));
            end(&told, &closed, ended);
        });
        if let Err(error) = started {
            child.fail(format!("no thread for the line: {error}"));
        }
        line
    }

    /// How it is closed from outside.
    pub(super) fn end(&self) -> LineEnd {
        LineEnd::Serial(Arc::clone(&self.closed))
    }

    /// Whether somebody is there to write it.
    pub(super) fn write(&self, bytes: Vec<u8>) -> bool {
        self.out.send(bytes).is_ok()
    }
}

impl Drop for SerialLine {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// The last act of a thread: its port hears why.
fn end(child: &ChildContext, closed: &AtomicBool, ended: std::thread::Result<String>) {
    if !closed.load(Ordering::Acquire) {
        child.fail(ended.unwrap_or_else(|panic| format!("panic: {}", panic_text(panic.as_ref()))));
    }
}

fn read(
    path: &str,
    baud: u32,
    session: &Addr<TerminalSession>,
    bytes: Receiver<Vec<u8>>,
    closed: &Arc<AtomicBool>,
    child: &ChildContext,
) -> String {
    let mut port = match open(path, baud, closed) {
        Ok(port) => port,
        Err(reason) => return format!("{path}: {reason}"),
    };
    let writer = match port.try_clone() {
        Ok(writer) => writer,
        Err(error) => return format!("{path}: {error}"),
    };
    // What came before nobody asked for. A line that cannot be cleared has nothing to clear.
    _ = port.clear(ClearBuffer::Input);
    let (told, ends) = (child.clone(), Arc::clone(closed));
    let started = std::thread::Builder::new().name("terminal-line-out".to_owned()).spawn(move || {
        let ended = catch_unwind(AssertUnwindSafe(|| write(writer, &bytes, &ends)));
        match ended {
            Ok(None) => {}
            Ok(Some(reason)) => end(&told, &ends, Ok(reason)),
            Err(panic) => end(&told, &ends, Err(panic)),
        }
    });
    if let Err(error) = started {
        return format!("no thread for the line: {error}");
    }
    session.do_send(LineUp);
    let mut buffer = [0; READ_BYTES];
    while !closed.load(Ordering::Acquire) {
        match port.read(&mut buffer) {
            Ok(0) => return format!("{path}: the line has ended"),
            Ok(count) => session.do_send(LineBytes(buffer.get(..count).unwrap_or_default().to_vec())),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => return format!("{path}: read: {error}"),
        }
    }
    String::new()
}

/// 8 data bits, no parity, 2 stop bits, no handshake (PA00P016).
fn open(path: &str, baud: u32, closed: &AtomicBool) -> Result<Box<dyn SerialPort>, String> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let opened = serialport::new(path, baud)
            .data_bits(DataBits::Eight)
            .parity(Parity::None)
            .stop_bits(StopBits::Two)
            .timeout(READ_TIMEOUT)
            .open();
        match opened {
            Ok(port) => return Ok(port),
            Err(error) => {
                let is_locked = error.kind() == serialport::ErrorKind::NoDevice && std::path::Path::new(path).exists();
                if !is_locked || attempt >= LOCKED_ATTEMPTS || closed.load(Ordering::Acquire) {
                    return Err(error.to_string());
                }
                std::thread::sleep(READ_TIMEOUT);
            }
        }
    }
}

/// Writes what comes until nobody is left who could send; gives the reason of a failure.
fn write(mut port: Box<dyn SerialPort>, bytes: &Receiver<Vec<u8>>, closed: &AtomicBool) -> Option<String> {
    while !closed.load(Ordering::Acquire) {
        let some = match bytes.recv_timeout(READ_TIMEOUT) {
            Ok(some) => some,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        for chunk in some.chunks(CHUNK_BYTES) {
            // What a life that is over wanted to say is not said any more.
            if closed.load(Ordering::Acquire) {
                return None;
            }
            if let Err(reason) = write_chunk(port.as_mut(), chunk) {
                return Some(reason);
            }
        }
    }
    None
}

fn write_chunk(port: &mut dyn SerialPort, chunk: &[u8]) -> Result<(), String> {
    let (mut left, mut attempts) = (chunk, 0);
    while !left.is_empty() {
        match port.write(left) {
            Ok(count) => {
                left = left.get(count..).unwrap_or_default();
                attempts = 0;
            }
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => attempts += 1,
            Err(error) => return Err(format!("write: {error}")),
        }
        if attempts > WRITE_ATTEMPTS {
            return Err("write: the terminal does not take what is written to it".to_owned());
        }
    }
    Ok(())
}
