//! The protocol of the socket: one JSON object a line in both directions, and announced bytes between the lines of an answer.
//!
//! The client sends one [`super::Command`] with the environment it means. The server answers with any number of
//! [`Frame::Progress`] and [`Frame::Bytes`] (the bytes follow the line), then one [`Frame::Done`] or [`Frame::Failed`], and
//! closes. A client that closes its side before is taken to have gone away: a command that writes or waits ends then.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::reply::Reply;

/// Longest line that is read, in bytes: a command with a key file and its certificates.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most bytes announced by one [`Frame::Bytes`].
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// One line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// How far the work is.
    Progress {
        /// Records done.
        done: u64,
        /// Records in all.
        total: u64,
    },
    /// So many bytes of output follow.
    Bytes(usize),
    /// The end: done.
    Done(Box<Reply>),
    /// The end: not done.
    Failed(Failure),
}

impl Frame {
    /// The line with its line end.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}
