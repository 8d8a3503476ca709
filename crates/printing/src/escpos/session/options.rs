//! Waits of a session, and what proves that a job is printed.

use std::time::Duration;

/// What a session counts as proof that a job was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The printer answered with the id that stood behind the job (`GS ( H`).
    ProcessId,
    /// The printer answered a question that stood behind the job (`GS r`).
    Queued,
    /// The printer says that it is well after the job had its time (`DLE EOT`).
    RealTime,
    /// The line took all bytes and stayed; the printer never says anything.
    Written,
}

impl Evidence {
    /// Its name, as in logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProcessId => "process id",
            Self::Queued => "queued status",
            Self::RealTime => "real-time status",
            Self::Written => "written",
        }
    }
}

/// Waits and settings of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// How long the printer has for the answer to a real-time question.
    pub answer_timeout: Duration,
    /// Pause between two rounds of questions to a printer that does not print.
    pub poll_pause: Duration,
    /// How long the printer may be silent in the middle of a job before it is asked how it stands.
    pub progress_timeout: Duration,
    /// How long a printer that says it is well may make no progress, or one that hangs may be silent, until the job is in doubt.
    pub doubt_timeout: Duration,
    /// Silence at the beginning after which no answers of an earlier connection come any more.
    pub settle_pause: Duration,
    /// Bytes of a job for each second, where the printer does not say how far it is.
    pub bytes_per_second: u32,
    /// An earlier connection broke in the middle of a job: the printer may wait for the end of a command.
    pub resync: bool,
    /// The number of the first mark in this connection (`GS ( H`), so that answers of an earlier one are not taken for ours.
    pub first_mark: u16,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            answer_timeout: Duration::from_secs(3),
            poll_pause: Duration::from_secs(1),
            progress_timeout: Duration::from_secs(5),
            doubt_timeout: Duration::from_secs(60),
            settle_pause: Duration::from_millis(200),
            // A line of 9600 baud; printers print text faster than that.
            bytes_per_second: 960,
            resync: false,
            first_mark: 0,
        }
    }
}
