//! What an operator can type while a device is played.

use std::io::{BufRead, stdin};
use std::str::FromStr;
use std::thread::Builder;

use tokio::sync::mpsc::{Receiver, channel};

use crate::admin::Failure;

/// Most lines that wait to be dealt with.
const LINES_MAX: usize = 16;

/// One line of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// `pull`: the line is gone.
    Pull,
    /// `put`: it is back.
    Put,
    /// `power`: the power fails and comes again.
    Power,
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pull" => Ok(Self::Pull),
            "put" => Ok(Self::Put),
            "power" => Ok(Self::Power),
            _ => Err(format!("`{text}` is none of pull, put, power")),
        }
    }
}

/// What came from standard input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A line that is not empty.
    Line(Result<Word, String>),
    /// There is nothing more.
    End,
}

/// Reads standard input in a thread of its own, which nobody waits for: a read cannot be ended.
///
/// # Errors
/// When there is no thread.
pub(super) fn read() -> Result<Receiver<Typed>, Failure> {
    let (typed, lines) = channel(LINES_MAX);
    let read = move || {
        for line in stdin().lock().lines() {
            let Ok(line) = line else { break };
            let text = line.trim();
            if !text.is_empty() && typed.blocking_send(Typed::Line(text.parse())).is_err() {
                return;
            }
        }
        drop(typed.blocking_send(Typed::End));
    };
    let thread = Builder::new().name("standard input".to_owned()).spawn(read);
    thread.map_err(|error| Failure::fault(format!("no thread for standard input: {error}")))?;
    Ok(lines)
}

/// Whether standard input is a terminal that somebody else types into now: reading from it would stop the process.
pub(super) fn is_someone_elses() -> bool {
    rustix::termios::tcgetpgrp(stdin()).is_ok_and(|foreground| foreground != rustix::process::getpgrp())
}
